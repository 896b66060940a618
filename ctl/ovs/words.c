#include <config.h>

#include "ctl/ovs/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "util.h"

#define FIRST	  20000 // above all errno values
#define TEXTS_MAX 256	// the last different ones: an errno is put into words soon

static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;
static char *texts[TEXTS_MAX]; // freed by RCU: ovs_strerror() hands them out
static unsigned n_texts;       // that there have been

static __thread int last_err;
static __thread char last_text[256];

const char *__real_ovs_strerror(int err);
const char *__wrap_ovs_strerror(int err);
const char *__real_ovs_retval_to_string(int retval);
const char *__wrap_ovs_retval_to_string(int retval);

void words_note(int err, const char *text)
{
	last_err = text[0] != '\0' ? err : 0;
	snprintf(last_text, sizeof(last_text), "%s", text);
}

// The number of a text, which is stored if it is new.
static int text_number(const char *text)
{
	unsigned i = 0;
	ovs_mutex_lock(&mutex);
	while (i < TEXTS_MAX && texts[i] != NULL && strcmp(texts[i], text) != 0)
		i++;
	if (i == TEXTS_MAX || texts[i] == NULL) {
		i = n_texts++ % TEXTS_MAX;
		if (texts[i] != NULL)
			ovsrcu_postpone(free, texts[i]);
		texts[i] = xstrdup(text);
	}
	ovs_mutex_unlock(&mutex);
	return (int)i;
}

int words_errno(int err)
{
	if (err == 0 || err != last_err)
		return err;
	return FIRST + text_number(last_text);
}

// NULL: not one of ours.
static const char *text_of(int err)
{
	const char *text = NULL;
	if (err >= FIRST && err < FIRST + TEXTS_MAX) {
		ovs_mutex_lock(&mutex);
		text = texts[err - FIRST];
		ovs_mutex_unlock(&mutex);
	}
	return text;
}

const char *__wrap_ovs_strerror(int err)
{
	const char *text = text_of(err);
	return text != NULL ? text : __real_ovs_strerror(err);
}

// It calls ovs_strerror() in its own file, where that is not wrapped.
const char *__wrap_ovs_retval_to_string(int retval)
{
	const char *text = text_of(retval);
	return text != NULL ? text : __real_ovs_retval_to_string(retval);
}
