// Logging to stderr: one line an event, with a level; never called per packet.
#ifndef CTL_LOG_H
#define CTL_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

// `program` is the prefix of each line and must outlive the process's logging.
void log_init(const char *program, enum log_level level);
// "error", "warn", "info", "debug". false when it is none of them.
bool log_level_parse(const char *text, enum log_level *level);
void log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

// The end of a noun behind its number.
static inline const char *log_plural(unsigned n)
{
	return n == 1 ? "" : "s";
}

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
