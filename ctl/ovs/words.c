#include <config.h>

#include "ctl/ovs/words.h"

#include <stdio.h>
#include <string.h>

#include "ovs-thread.h"
#include "util.h"

#define FIRST	  20000 // above all errno values
#define TEXTS_MAX 256	// different ones; later ones are told as plain errno

static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;
static char *texts[TEXTS_MAX]; // written once each, never freed: ovs_strerror() hands them out
static int n_texts;

static __thread int last_err;
static __thread char last_text[256];

const char *__real_ovs_strerror(int err);
const char *__wrap_ovs_strerror(int err);

void words_note(int err, const char *text)
{
	last_err = text[0] != '\0' ? err : 0;
	snprintf(last_text, sizeof(last_text), "%s", text);
}

// The number of a text, which is stored if it is new. -1 when there are too many.
static int text_number(const char *text)
{
	int i = 0;
	ovs_mutex_lock(&mutex);
	while (i < n_texts && strcmp(texts[i], text) != 0)
		i++;
	if (i == n_texts) {
		if (n_texts < TEXTS_MAX)
			texts[n_texts++] = xstrdup(text);
		else
			i = -1;
	}
	ovs_mutex_unlock(&mutex);
	return i;
}

int words_errno(int err)
{
	if (err == 0 || err != last_err)
		return err;
	int i = text_number(last_text);
	return i < 0 ? err : FIRST + i;
}

const char *__wrap_ovs_strerror(int err)
{
	const char *text = NULL;
	if (err >= FIRST && err < FIRST + TEXTS_MAX) {
		ovs_mutex_lock(&mutex);
		text = texts[err - FIRST];
		ovs_mutex_unlock(&mutex);
	}
	return text != NULL ? text : __real_ovs_strerror(err);
}
