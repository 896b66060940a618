// The command line's options, which may stand before or behind the command.
#ifndef CTL_SWCTL_OPTIONS_H
#define CTL_SWCTL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#define SWCTL_RUN_DIR	"/run/swd" // unless --run-dir or SWD_RUN_DIR says otherwise
#define SWCTL_TIMEOUT_S 60

enum { SWCTL_OK = 0, SWCTL_FAILED = 1, SWCTL_USAGE = 2, SWCTL_DIFFERS = 2 }; // exit statuses

#define SWCTL_GIVEN_MAX 8

struct swctl_options {
	const char *run_dir;
	unsigned timeout_s;  // of silence; 0: none
	unsigned interval_s; // 0: once, since the start
	unsigned count;	     // of intervals, 0: until interrupted; of packets, 0: not given
	unsigned skip;	     // frames of a file
	unsigned time_s;     // of a live trace; 0: not given
	bool json;
	bool force;    // nic bind, nic unbind
	bool markdown; // hidden: `swctl help --markdown`
	bool help;
	bool version;
	// Options of commands, which are parameters of methods: the parameter's name, and the value
	// ("" for none).
	unsigned n_given;
	struct swctl_given {
		char name[32];
		const char *value;
	} given[SWCTL_GIVEN_MAX];
};

// Takes the options out of argv; *first is the index of the first word that is left. 0, or -EINVAL
// with one line in err.
int swctl_options_parse(int argc, char **argv, struct swctl_options *options, int *first, char *err,
			size_t err_len);

// Calls fn with each option of a command ("no-stats") once; has_value: may have one.
void swctl_options_each(void (*fn)(const char *name, bool has_value, void *arg), void *arg);

// "  --run-dir DIR  what it does" and so on, one line an option.
extern const char *const swctl_options_help[][2];
extern const unsigned swctl_n_options_help;

#endif
