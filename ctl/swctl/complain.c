#include "ctl/swctl/complain.h"

#include "ctl/swctl/table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RED    "\033[1;31m"
#define NORMAL "\033[0m"

#define SHOWN_MAX    96 // bytes of a flow that are shown; of a longer one, those around the mistake
#define SHOWN_BEFORE 40

enum complain_style swctl_complain_style(FILE *out)
{
	const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
	if (!isatty(fileno(out)))
		return COMPLAIN_LINE;
	if ((no_color && *no_color) || !term || strcmp(term, "dumb") == 0)
		return COMPLAIN_CARET;
	return COMPLAIN_COLOUR;
}

// Line `line`, from 1, of a file's text. malloc'd.
static char *line_of(const char *text, json_int_t line)
{
	while (--line > 0) {
		const char *end = strchr(text, '\n');
		if (!end)
			return NULL;
		text = end + 1;
	}
	return strndup(text, strcspn(text, "\r\n"));
}

// The text that the error is about: the flow, the match, or line `line` of the file. malloc'd.
static char *faulty_text(const json_t *params, json_int_t line)
{
	static const char *const texts[] = {"flow", "match", "group", "meter"};
	static const char *const files[] = {"flows", "groups", "meters", "commands"};
	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *text =
		    json_string_value(json_object_get(params, line > 0 ? files[i] : texts[i]));
		if (text)
			return line > 0 ? line_of(text, line) : strdup(text);
	}
	return NULL;
}

static bool inside_character(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

static void print_tame(FILE *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		fputc((unsigned char)text[i] < ' ' || text[i] == 0x7f ? ' ' : text[i], out);
}

// The window of the text that is shown, in whole characters.
static void choose_window(const char *text, size_t at, size_t *start, size_t *end)
{
	size_t len = strlen(text);
	*start = len > SHOWN_MAX && at > SHOWN_BEFORE ? at - SHOWN_BEFORE : 0;
	while (*start > 0 && inside_character(text[*start]))
		--*start;
	*end = *start + SHOWN_MAX < len ? *start + SHOWN_MAX : len;
	while (*end < len && inside_character(text[*end]))
		++*end;
}

static size_t count_characters(const char *text, size_t len)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++)
		n += !inside_character(text[i]);
	return n;
}

static void print_caret(FILE *out, bool colour, const char *text, size_t at, size_t word_len)
{
	size_t start, end;
	choose_window(text, at, &start, &end);
	if (at + word_len > end)
		word_len = end - at;
	const char *dots = start > 0 ? "..." : "";
	fprintf(out, "  %s", dots);
	print_tame(out, text + start, end - start);
	fputs(text[end] ? "...\n" : "\n", out);
	fprintf(out, "  %*s%s^", (int)(strlen(dots) + count_characters(text + start, at - start)),
		"", colour ? RED : "");
	for (size_t n = count_characters(text + at, word_len); n > 1; n--)
		fputc('~', out);
	fprintf(out, "%s\n", colour ? NORMAL : "");
}

// "line 900: column 12: ..." without its line, which stands behind the file's name.
static const char *skip_line(const char *message, json_int_t line)
{
	char prefix[40];
	size_t len = (size_t)snprintf(prefix, sizeof(prefix), "line %lld: ", (long long)line);
	return strncmp(message, prefix, len) == 0 ? message + len : message;
}

void swctl_complain(FILE *out, enum complain_style style, const char *message, const json_t *data,
		    const json_t *params, const char *file)
{
	json_int_t line = json_integer_value(json_object_get(data, "line"));
	json_int_t column = json_integer_value(json_object_get(data, "column"));
	const char *word = json_string_value(json_object_get(data, "word"));
	bool colour = style == COMPLAIN_COLOUR;
	fprintf(out, "%sswctl:%s ", colour ? RED : "", colour ? NORMAL : "");
	if (file && line > 0) {
		fprintf(out, "%s:%lld: ", file, (long long)line);
		message = skip_line(message, line);
	}
	fprintf(out, "%s\n", message);
	char *text = faulty_text(params, line > 0 ? line : 0);
	if (style != COMPLAIN_LINE && text && *text && column > 0 &&
	    (size_t)column <= strlen(text) + 1)
		print_caret(out, colour, text, (size_t)column - 1, word ? strlen(word) : 1);
	free(text);
}
