// The port kind "memif": packets by memory shared with another process, as VPP, DPDK and libmemif
// do. The peer is taken for hostile: what it writes into sockets and memory closes its link at
// worst.
#ifndef MEMIF_H
#define MEMIF_H

struct event_base;

// Before the first port of the kind opens, and after the last one has closed. Control thread, whose
// loop `base` is. 0 or -ENOMEM.
int memif_start(struct event_base *base);
void memif_stop(void);
// What the control thread looks at twice a second: peers that do not answer, rings that are broken,
// servers that are back.
void memif_look(void);

// Where connections' events go.
extern struct event_base *memif_base;

#endif
