// A mistake in a flow's text: what, which word, and where.
#ifndef CTL_OF_ERROR_H
#define CTL_OF_ERROR_H

struct of_error {
	unsigned column; // of the word at fault, from 1, in the text as the user wrote it
	char word[64];	 // the word at fault, cut to fit
	char text[200];	 // the whole message: "column 12: \"nw_srcc\": unknown field; did you mean nw_src?"
};

#endif
