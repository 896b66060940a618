// Records of actions as they grow.
#include "ctl/of_act.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void of_act_buf_init(struct of_act_buf *buf)
{
	buf->words = buf->local;
	buf->n_bytes = 0;
	buf->room = sizeof(buf->local);
}

void of_act_buf_fini(struct of_act_buf *buf)
{
	if (buf->words != buf->local)
		free(buf->words);
}

void of_act_reader_init(struct of_act_reader *r, struct of_act_buf *buf, const char *line,
			const struct of_ports *ports, struct of_error *error)
{
	*r = (struct of_act_reader){
	    .line = line, .ports = ports, .error = error, .buf = buf, .start = buf->n_bytes};
}

static int no_memory(const struct of_act_reader *r)
{
	return of_error_set(r->error, r->line, r->line, 0, "out of memory");
}

static bool reserve(struct of_act_reader *r, const struct of_word *word, size_t n_bytes)
{
	struct of_act_buf *buf = r->buf;
	if (buf->n_bytes + n_bytes > OF_ACTIONS_BYTES_MAX) {
		of_error_set(r->error, r->line, word->name, word->name_len,
			     "too many actions: a flow's take at most %u bytes",
			     OF_ACTIONS_BYTES_MAX);
		return false;
	}
	if (buf->n_bytes + n_bytes <= buf->room)
		return true;
	size_t room = buf->room * 2 + n_bytes;
	bool is_local = buf->words == buf->local;
	uint64_t *words = realloc(is_local ? NULL : buf->words, room);
	if (!words) {
		no_memory(r);
		return false;
	}
	if (is_local)
		memcpy(words, buf->local, buf->n_bytes);
	buf->words = words;
	buf->room = room;
	return true;
}

void *of_act_put(struct of_act_reader *r, const struct of_word *word, enum of_action_type type,
		 size_t n_bytes)
{
	size_t at = r->buf->n_bytes, len = (n_bytes + 7) & ~(size_t)7;
	if (!reserve(r, word, len))
		return NULL;
	struct of_action *a = (void *)((char *)r->buf->words + at);
	memset(a, 0, len);
	a->type = (uint8_t)type;
	a->len = (uint16_t)len;
	r->buf->n_bytes += len;
	return a;
}

void *of_act_grow(struct of_act_reader *r, const struct of_word *word, size_t at, size_t n_bytes)
{
	size_t old = r->buf->n_bytes - at, len = (n_bytes + 7) & ~(size_t)7;
	if (len > old && !reserve(r, word, len - old))
		return NULL;
	struct of_action *a = (void *)((char *)r->buf->words + at);
	if (len > old) {
		memset((char *)a + old, 0, len - old);
		r->buf->n_bytes = at + len;
		a->len = (uint16_t)len;
	}
	return a;
}

int of_act_buf_take(const struct of_act_buf *buf, const struct of_act_reader *r,
		    struct of_actions **list)
{
	size_t n_bytes = buf->n_bytes - r->start;
	*list = NULL;
	if (n_bytes == 0)
		return 0;
	*list = malloc(sizeof(**list) + n_bytes);
	if (!*list)
		return no_memory(r);
	(*list)->n_bytes = (uint32_t)n_bytes;
	(*list)->pad = 0;
	memcpy((*list)->records, (const char *)buf->words + r->start, n_bytes);
	return 0;
}
