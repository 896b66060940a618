#include "ctl/pci.h"
#include "ctl/swctl/pci_nic.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// Writes a text to a file below root, in one piece as sysfs wants it. 0 or -errno.
static int put(const char *root, const char *path, const char *text)
{
	char full[PATH_MAX];
	snprintf(full, sizeof(full), "%s%s", root, path);
	int fd = open(full, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int rc = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return rc;
}

static int put_attr(const char *root, const struct pci_nic *nic, const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", nic->address, name);
	return put(root, path, text);
}

static bool driver_is(const char *root, const struct pci_nic *nic, const char *driver)
{
	struct pci_nic now;
	char err[128];
	return pci_nic_find(root, nic->address, &now, err, sizeof(err)) == 0 &&
	       strcmp(now.driver, driver) == 0;
}

// The kernel waits in unbind until who has the group open closes it; it opens once only.
static bool group_open(const char *root, const struct pci_nic *nic)
{
	static const char *const names[] = {"", "noiommu-"};
	char path[PATH_MAX];
	bool busy = false;
	for (size_t i = 0; *nic->iommu_group && i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/dev/vfio/%s%s", root, names[i], nic->iommu_group);
		int fd = open(path, O_RDWR | O_CLOEXEC);
		busy |= fd < 0 && errno == EBUSY;
		if (fd >= 0)
			close(fd);
	}
	return busy;
}

static int check_free(const char *root, const struct pci_nic *nic, bool force, char *err,
		      size_t err_len)
{
	if (nic->default_route && !force) {
		snprintf(err, err_len,
			 "%s (%s) carries this host's default route, which would lose its network: "
			 "--force does it all the same",
			 nic->address, nic->ifaces[0]);
		return -EBUSY;
	}
	if (strcmp(nic->driver, "vfio-pci") == 0 && group_open(root, nic)) {
		snprintf(err, err_len,
			 "%s is in use by a program, as a port of swd: `swctl del-port` frees it",
			 nic->address);
		return -EBUSY;
	}
	return 0;
}

static int check_driver(const char *root, const struct pci_nic *nic, const char *driver, char *err,
			size_t err_len)
{
	char path[PATH_MAX], unsafe = 'N';
	if (!*driver || strchr(driver, '/') || strlen(driver) > 60) {
		snprintf(err, err_len, "\"%.60s\" is no name of a driver", driver);
		return -EINVAL;
	}
	snprintf(path, sizeof(path), "%s/sys/bus/pci/drivers/%s", root, driver);
	if (access(path, F_OK) < 0) {
		snprintf(err, err_len, "the kernel has no PCI driver %s loaded: `modprobe %s`",
			 driver, driver);
		return -ENOENT;
	}
	if (strcmp(driver, "vfio-pci") != 0 || *nic->iommu_group)
		return 0;
	snprintf(path, sizeof(path), "%s/sys/module/vfio/parameters/enable_unsafe_noiommu_mode",
		 root);
	FILE *f = fopen(path, "re");
	if (f) {
		if (fread(&unsafe, 1, 1, f) != 1)
			unsafe = 'N';
		fclose(f);
	}
	if (unsafe == 'Y' || unsafe == '1')
		return 0;
	snprintf(err, err_len,
		 "%s stands behind no IOMMU, which vfio-pci needs: switch it on (intel_iommu=on), "
		 "let vfio do without (enable_unsafe_noiommu_mode=1), or bind to uio_pci_generic",
		 nic->address);
	return -EOPNOTSUPP;
}

static int take_away(const char *root, const struct pci_nic *nic, char *err, size_t err_len)
{
	int rc = *nic->driver ? put_attr(root, nic, "driver/unbind", nic->address) : 0;
	if (rc < 0)
		snprintf(err, err_len, "%s cannot be taken from its driver %s: %s%s", nic->address,
			 nic->driver, strerror(-rc),
			 rc == -EACCES || rc == -EPERM ? ": needs root" : "");
	return rc;
}

// Has the driver probe the card, which nobody has. 0 or -errno.
static int give(const char *root, const struct pci_nic *nic, const char *driver)
{
	char path[128];
	// One that hands cards to user space takes any, told so; the kernel's own know theirs.
	int rc = put_attr(root, nic, "driver_override",
			  pci_driver_is_for_user_space(driver) ? driver : "\n");
	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%s/bind", driver);
	if (rc == 0)
		rc = put(root, path, nic->address);
	// It matters at a probe only; a later one shall find the kernel's own driver.
	put_attr(root, nic, "driver_override", "\n");
	return rc == 0 && !driver_is(root, nic, driver) ? -ENODEV : rc;
}

// The new driver has not taken the card, for the reason `rc`.
static int give_back(const char *root, const struct pci_nic *nic, const char *driver, int rc,
		     char *err, size_t err_len)
{
	char now[200];
	if (!*nic->driver)
		snprintf(now, sizeof(now), "it has none, as before");
	else if (give(root, nic, nic->driver) == 0)
		snprintf(now, sizeof(now), "%s has it again", nic->driver);
	else
		snprintf(now, sizeof(now), "nor does %s any more: try `swctl nic bind %s %s`",
			 nic->driver, nic->address, nic->driver);
	snprintf(err, err_len, "driver %s does not take %s: %s (`dmesg` may say more): %s", driver,
		 nic->address, strerror(-rc), now);
	return rc;
}

int pci_nic_bind(const char *root, const struct pci_nic *nic, const char *driver, bool force,
		 char *err, size_t err_len)
{
	if (*driver && strcmp(nic->driver, driver) == 0)
		return 0;
	int rc = check_driver(root, nic, driver, err, err_len);
	if (rc == 0)
		rc = check_free(root, nic, force, err, err_len);
	if (rc == 0)
		rc = take_away(root, nic, err, err_len);
	if (rc < 0)
		return rc;
	rc = give(root, nic, driver);
	return rc < 0 ? give_back(root, nic, driver, rc, err, err_len) : 0;
}

int pci_nic_unbind(const char *root, const struct pci_nic *nic, bool force, char *err,
		   size_t err_len)
{
	int rc = check_free(root, nic, force, err, err_len);
	return rc < 0 ? rc : take_away(root, nic, err, err_len);
}
