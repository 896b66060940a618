// Text in columns that line up: numbers to the right, words to the left, columns without content
// left out.
#ifndef CTL_SWCTL_TABLE_H
#define CTL_SWCTL_TABLE_H

#include <stddef.h>
#include <stdio.h>

#define TEXT_COLUMNS_MAX 16

enum text_align { TEXT_LEFT, TEXT_RIGHT };

struct text_column {
	const char *title;
	enum text_align align;
};

struct text_table;

// `columns` must outlive the table. NULL when out of memory.
struct text_table *text_table_create(const struct text_column *columns, unsigned n);
void text_table_destroy(struct text_table *table); // may be NULL
// Appends the next cell, row by row. "" is an empty cell, printed as "-". Out of memory shows when
// printing. Takes NULL tables.
void text_table_put(struct text_table *table, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
// Prints titles and rows. 0, or -ENOMEM when a cell was lost.
int text_table_print(const struct text_table *table, FILE *out);

// Columns that a terminal shows for UTF-8 text.
size_t text_width(const char *text);

#endif
