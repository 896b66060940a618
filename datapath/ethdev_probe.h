// Finding the device that devargs name: probing it, or taking one that is there; and removing it
// again.
#ifndef DATAPATH_ETHDEV_PROBE_H
#define DATAPATH_ETHDEV_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Sets *id to the ethdev of the device and takes it for us. *probed: it came up by this call.
// Refuses devices that a port has already, and what would block. 0 or -errno with one
// line in err. Control thread.
int ethdev_probe(const char *devargs, uint16_t *id, bool *probed, char *err, size_t err_len);
// Whether an ethdev of ours is, by its own word, the interface of this index. Control thread.
bool ethdev_has_iface(unsigned index);
// Gives the device back; `probed` as ethdev_probe() said: closes and removes it too. It is stopped.
// Control thread.
void ethdev_remove(uint16_t id, bool probed);

#endif
