#define _GNU_SOURCE // vasprintf
#include "ctl/swctl/table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>

#define GAP 2 // spaces between columns

struct text_table {
	const struct text_column *columns;
	unsigned n_columns;
	char **cells;
	size_t n_cells, room;
	bool lost; // a cell did not fit into memory
};

size_t text_width(const char *text)
{
	size_t width = 0;
	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

struct text_table *text_table_create(const struct text_column *columns, unsigned n)
{
	struct text_table *table = calloc(1, sizeof(*table));
	if (!table)
		return NULL;
	table->columns = columns;
	table->n_columns = n < TEXT_COLUMNS_MAX ? n : TEXT_COLUMNS_MAX;
	return table;
}

void text_table_destroy(struct text_table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->n_cells; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table);
}

static bool grow(struct text_table *table)
{
	if (table->n_cells < table->room)
		return true;
	size_t room = table->room ? table->room * 2 : 64;
	char **cells = realloc(table->cells, room * sizeof(*cells));
	if (!cells)
		return false;
	table->cells = cells;
	table->room = room;
	return true;
}

// What a terminal would obey is shown as "?".
static void tame(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

void text_table_put(struct text_table *table, const char *fmt, ...)
{
	if (!table || table->lost)
		return;
	char *cell = NULL;
	va_list ap;
	va_start(ap, fmt);
	int len = vasprintf(&cell, fmt, ap);
	va_end(ap);
	if (len < 0 || !grow(table)) {
		table->lost = true;
		if (len >= 0)
			free(cell);
		return;
	}
	tame(cell);
	table->cells[table->n_cells++] = cell;
}

// Widths of the columns; 0 for one that has no content.
static void measure(const struct text_table *table, size_t *widths)
{
	for (unsigned c = 0; c < table->n_columns; c++) {
		widths[c] = 0;
		for (size_t i = c; i < table->n_cells; i += table->n_columns) {
			size_t width = text_width(table->cells[i]);
			widths[c] = width > widths[c] ? width : widths[c];
		}
		size_t title = text_width(table->columns[c].title);
		if (widths[c] > 0 && widths[c] < title)
			widths[c] = title;
	}
}

static void print_row(const struct text_table *table, const size_t *widths, const char *const *row,
		      FILE *out)
{
	size_t owed = 0; // spaces before the next text, so that no line ends in any
	for (unsigned c = 0; c < table->n_columns; c++) {
		if (widths[c] == 0)
			continue;
		const char *text = row[c][0] ? row[c] : "-";
		size_t fill = widths[c] - text_width(text);
		bool right = table->columns[c].align == TEXT_RIGHT;
		fprintf(out, "%*s%s", (int)(owed + (right ? fill : 0)), "", text);
		owed = GAP + (right ? 0 : fill);
	}
	fputc('\n', out);
}

int text_table_print(const struct text_table *table, FILE *out)
{
	if (!table || table->lost)
		return -ENOMEM;
	if (table->n_columns == 0 || table->n_cells < table->n_columns)
		return 0;
	size_t widths[TEXT_COLUMNS_MAX];
	measure(table, widths);
	const char *titles[TEXT_COLUMNS_MAX];
	for (unsigned c = 0; c < table->n_columns; c++)
		titles[c] = table->columns[c].title;
	print_row(table, widths, titles, out);
	for (size_t i = 0; i + table->n_columns <= table->n_cells; i += table->n_columns)
		print_row(table, widths, (const char *const *)&table->cells[i], out);
	return 0;
}
