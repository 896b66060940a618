// What the readers of actions share. Not for others.
#ifndef CTL_OF_ACT_H
#define CTL_OF_ACT_H

#include "ctl/of_actions.h"
#include "ctl/of_text.h"
#include "ctl/of_value.h"

// Where a list stands.
enum of_act_place {
	OF_IN_FLOW,
	OF_IN_WRITE_ACTIONS,
	OF_IN_CLONE,
	OF_IN_BUCKET,
	OF_IN_CT, // exec()
};

// Records as they grow.
struct of_act_buf {
	uint64_t *words;
	size_t n_bytes, room; // bytes
	uint64_t local[48];
};

// Where the reading stands. A nested list has its own, with the same buffer.
struct of_act_reader {
	const char *line;
	const struct of_ports *ports;
	struct of_error *error;
	struct of_act_buf *buf;
	size_t start; // of this list in the buffer
	uint8_t place, depth;
	uint8_t table;	// the rule's
	bool checks;	// kinds are known
	uint8_t n_tags; // that a packet has at least
	bool is_later;	// the match is on later fragments
	uint16_t kinds; // of packet, as far as match and earlier actions say
	uint8_t n_words;
	uint8_t instruction; // the last one's rank
	bool drops;
};

void of_act_reader_init(struct of_act_reader *r, struct of_act_buf *buf, const char *line,
			const struct of_ports *ports, struct of_error *error);
// Reads one action. 0 or -EINVAL.
int of_act_read_word(struct of_act_reader *r, const struct of_word *word);
// All words of a slice.
int of_act_read_all(struct of_act_reader *r, struct of_slice text);
void of_act_buf_init(struct of_act_buf *buf);
void of_act_buf_fini(struct of_act_buf *buf);
// A malloc'd list of the records; *list is NULL when there are none. 0 or -EINVAL.
int of_act_buf_take(const struct of_act_buf *buf, const struct of_act_reader *r,
		    struct of_actions **list);

// A zeroed record of n_bytes behind the last one, NULL with *error when there is no room. It moves
// with the next one.
void *of_act_put(struct of_act_reader *r, const struct of_word *word, enum of_action_type type,
		 size_t n_bytes);
// For records that end in an array: room for n_bytes more. The record may move.
void *of_act_grow(struct of_act_reader *r, const struct of_word *word, size_t at, size_t n_bytes);

struct of_act_value *of_act_put_value(struct of_act_reader *r, const struct of_word *word,
				      enum of_action_type type, uint64_t value);
// "NAME wants ..." at the value, or some text at the name.
int of_act_fail(const struct of_act_reader *r, const struct of_word *word, const char *wants);
int of_act_fail_name(const struct of_act_reader *r, const struct of_word *word, const char *text);
// Whether a packet at this place has one of the kinds that a field or action needs.
int of_act_check_needs(const struct of_act_reader *r, const char *name, size_t len, uint16_t needs);
// A part of a field, its prerequisites and whether it can be written checked.
int of_act_read_subfield(const struct of_act_reader *r, const char *text, size_t len,
			 bool is_written, struct of_subfield *sf);
struct of_text_at of_act_at(const struct of_act_reader *r, const struct of_word *word);
// The next of the values that commas and blanks separate, as in multipath; false at the end.
bool of_act_next_arg(struct of_slice *rest, const char **arg, size_t *len);

// The readers of actions that have a file of their own. `arg` is what the action's row says.
int of_act_read_plain(struct of_act_reader *r, const struct of_word *word, unsigned type);
int of_act_read_output(struct of_act_reader *r, const struct of_word *word, unsigned arg);
// A word that is no action's name, if it is a port; otherwise -ENOENT without an error's text.
int of_act_read_bare_port(struct of_act_reader *r, const struct of_word *word);
int of_act_read_resubmit(struct of_act_reader *r, const struct of_word *word, unsigned arg);
int of_act_read_goto_table(struct of_act_reader *r, const struct of_word *word, unsigned arg);
int of_act_read_vlan_value(struct of_act_reader *r, const struct of_word *word, unsigned type);
int of_act_read_strip_vlan(struct of_act_reader *r, const struct of_word *word, unsigned form);
int of_act_read_push_vlan(struct of_act_reader *r, const struct of_word *word, unsigned arg);
int of_act_read_push_mpls(struct of_act_reader *r, const struct of_word *word, unsigned arg);
int of_act_read_pop_mpls(struct of_act_reader *r, const struct of_word *word, unsigned arg);
int of_act_read_dec_mpls_ttl(struct of_act_reader *r, const struct of_word *word, unsigned arg);
int of_act_read_dec_ttl(struct of_act_reader *r, const struct of_word *word, unsigned arg);
int of_act_read_mod(struct of_act_reader *r, const struct of_word *word, unsigned arg);
int of_act_read_set_field(struct of_act_reader *r, const struct of_word *word, unsigned arg);
int of_act_read_load(struct of_act_reader *r, const struct of_word *word, unsigned arg);
int of_act_read_move(struct of_act_reader *r, const struct of_word *word, unsigned arg);
int of_act_read_stack(struct of_act_reader *r, const struct of_word *word, unsigned type);
int of_act_read_write_metadata(struct of_act_reader *r, const struct of_word *word, unsigned arg);
int of_act_read_multipath(struct of_act_reader *r, const struct of_word *word, unsigned arg);
int of_act_read_bundle(struct of_act_reader *r, const struct of_word *word, unsigned is_load);
int of_act_read_learn(struct of_act_reader *r, const struct of_word *word, unsigned arg);
int of_act_read_ct(struct of_act_reader *r, const struct of_word *word, unsigned arg);
int of_act_read_ct_clear(struct of_act_reader *r, const struct of_word *word, unsigned arg);

// Their printers.
void of_act_print_set(struct of_out *out, const struct of_act_set *a, const struct of_ports *ports);
void of_act_print_multipath(struct of_out *out, const struct of_act_multipath *a);
void of_act_print_bundle(struct of_out *out, const struct of_act_bundle *a,
			 const struct of_ports *ports);
// What stands before exec(), and behind it; each argument with a comma.
void of_act_print_ct(struct of_out *out, const struct of_act_ct *a);
void of_act_print_ct_alg(struct of_out *out, const struct of_act_ct *a);
void of_act_print_learn(struct of_out *out, const struct of_act_learn *a,
			const struct of_ports *ports);

// dec_ttl with the numbers of controllers, that nobody tells anything: kept to be shown.
struct of_act_ids {
	struct of_action a;
	uint16_t n_ids;
	uint16_t ids[];
};

static inline of_value of_act_value_of(const uint64_t halves[2])
{
	return (of_value)halves[0] << 64 | halves[1];
}

static inline void of_act_value_to(uint64_t halves[2], of_value value)
{
	halves[0] = (uint64_t)(value >> 64);
	halves[1] = (uint64_t)value;
}

#endif
