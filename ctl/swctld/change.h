// One change of rules, groups and meters: commands that see one another's effects, then all of it
// on disk, or none of it anywhere.
#ifndef CTL_SWCTLD_CHANGE_H
#define CTL_SWCTLD_CHANGE_H

#include "ctl/swctld/daemon.h"
#include "ctl/swctld/groups.h"
#include "ctl/swctld/meters.h"
#include "ctl/swctld/rules.h"

struct change {
	struct db *db;
	struct rules *rules;
	struct groups *groups;
	struct meters *meters;
	const struct of_ports *ports; // names in the commands' texts
	bool dry;		      // to be undone; touches no disk
};

// What a line's words in front may say, and what it means without them.
enum change_syntax {
	CHANGE_FLOWS,	// "[add|modify|modify_strict|delete|delete_strict] FLOW"
	CHANGE_GROUPS,	// "[add|modify|add_or_mod|delete] GROUP"
	CHANGE_METERS,	// "[add|modify|delete] METER"
	CHANGE_BUNDLE,	// "flow|group|meter" and one of these
	CHANGE_REPLACE, // a flow, of the whole set (rules_replace)
};

// 0 or -errno (see change_why). Ends with change_commit() or change_abort(). One at a time.
int change_begin(struct change *c, const struct swctld *d, const struct of_ports *ports, bool dry);
// One command: `verb` (as above) is "flow add", say. 0; -EINVAL with *error; or an -errno, which
// change_why() explains. Columns count from the start of `line`.
int change_command(struct change *c, const char *verb, const char *line, struct of_error *error);
// All lines of a text, with comments from '#' on. *line is where it failed, from 1.
int change_lines(struct change *c, enum change_syntax syntax, const char *text, size_t len,
		 size_t *line, struct of_error *error);
// On disk when it returns 0; else all is as it was. Counts and news are added to *what.
int change_commit(struct change *c, struct rules_change *what);
void change_abort(struct change *c);
// The text of an -errno that is no -EINVAL.
const char *change_why(const struct change *c, int err);

#endif
