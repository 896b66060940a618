// A packet's way through the tables, and what became of a live one, as people read them.
#ifndef CTL_SWCTL_PRINT_TRACE_H
#define CTL_SWCTL_PRINT_TRACE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

// Results of `trace`; with colours when `out` is a terminal that has them.
int print_trace(const json_t *result, FILE *out);
// One of the packets of `dp.trace_read`, with an empty line behind it.
int print_live_packet(const json_t *packet, FILE *out);
// JSON on one line.
void print_trace_line(const json_t *json, FILE *out);

// The same with colours or without.
void print_trace_in(bool colour, const json_t *result, FILE *out);
void print_live_packet_in(bool colour, const json_t *packet, FILE *out);

#endif
