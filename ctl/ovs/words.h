// What swd says of a request that it refuses, carried to where Open vSwitch prints an errno: the
// log and the `error` column that `ovs-vsctl show` shows.
#ifndef CTL_OVS_WORDS_H
#define CTL_OVS_WORDS_H

// Notes why the calling thread's last request failed; an empty text: no words.
void words_note(int err, const char *text);
// An errno of ours that ovs_strerror() puts into these words: that of the calling thread's last
// request, when it failed with `err`. `err` itself when there are no words.
int words_errno(int err);

#endif
