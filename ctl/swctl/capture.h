// Frames of a pcap or pcapng file, one by one.
#ifndef CTL_SWCTL_CAPTURE_H
#define CTL_SWCTL_CAPTURE_H

#include <stddef.h>
#include <stdint.h>

struct capture;

struct capture_frame {
	const uint8_t *bytes; // valid until the next call
	uint32_t len;	      // bytes that are there
	uint32_t whole_len;   // that the frame had
};

// "-" is standard input. NULL with one line in err that starts with the file's name.
struct capture *capture_open(const char *path, char *err, size_t err_len);
void capture_close(struct capture *c);
// 1 with the next frame, 0 at the end, -EINVAL with err as above when the file is damaged.
int capture_next(struct capture *c, struct capture_frame *frame, char *err, size_t err_len);

#endif
