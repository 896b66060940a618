// A veth pair hands a sender's unsegmented TCP and UDP frames (GSO, up to 64 KB) to its other end
// as they are, which is more than AF_PACKET's ring takes. Linux cuts them first where an XDP
// program of the driver's own mode is attached, for such a program could not take them either.
#ifndef DATAPATH_VETH_SEGMENTS_H
#define DATAPATH_VETH_SEGMENTS_H

// Attaches a program that passes everything to the interface of this index, if it is an end of a
// veth pair, and turns its receive offload, which would put segments together again, off. Returns a
// descriptor whose close() undoes it; -1 where nothing was done: another driver, a program there
// already, an MTU beyond a page, no permission. Control thread.
int veth_segments_ask(unsigned if_index);

#endif
