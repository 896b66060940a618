#include "ctl/account.h"

// cmocka.h needs these first.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

static char err[160];

static void users_and_groups_are_names_or_numbers(void **state)
{
	(void)state;
	uid_t uid;
	gid_t gid;
	assert_int_equal(account_uid("root", &uid, err, sizeof(err)), 0);
	assert_int_equal(uid, 0);
	assert_int_equal(account_uid("70123", &uid, err, sizeof(err)), 0);
	assert_int_equal(uid, 70123);
	assert_int_equal(account_gid("root", &gid, err, sizeof(err)), 0);
	assert_int_equal(gid, 0);
	assert_int_equal(account_gid("4294967294", &gid, err, sizeof(err)), 0);
	assert_int_equal(gid, 4294967294u);
}

static void what_is_no_id_is_refused_by_its_word(void **state)
{
	(void)state;
	static const char *const bad[] = {"",		"no-such-one", "-1",  "4294967295",
					  "4294967296", "99999999999", "0x1", "1 ",
					  "+1",		"1,2",	       " 1"};
	gid_t gid;
	uid_t uid;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (account_gid(bad[i], &gid, err, sizeof(err)) != -ENOENT ||
		    !strstr(err, bad[i]) ||
		    account_uid(bad[i], &uid, err, sizeof(err)) != -ENOENT || !strstr(err, bad[i]))
			fail_msg("\"%s\" was taken, or not named: %s", bad[i], err);
	}
}

static void a_user_has_its_own_group_or_the_one_that_is_named(void **state)
{
	(void)state;
	struct account a;
	assert_int_equal(account_user("root", &a, err, sizeof(err)), 0);
	assert_int_equal(a.gid, 0);
	assert_string_equal(a.name, "root");
	assert_int_equal(account_user("0:5", &a, err, sizeof(err)), 0);
	assert_int_equal(a.gid, 5);
	assert_string_equal(a.name, "root");
	assert_int_equal(account_user("70123:70124", &a, err, sizeof(err)), 0);
	assert_int_equal(a.uid, 70123);
	assert_int_equal(a.gid, 70124);
	assert_string_equal(a.name, "");
}

static void a_user_whose_group_is_not_known_is_refused(void **state)
{
	(void)state;
	struct account a;
	assert_int_equal(account_user("70123", &a, err, sizeof(err)), -ENOENT);
	assert_non_null(strstr(err, "USER:GROUP"));
	assert_int_equal(account_user("70123:", &a, err, sizeof(err)), -ENOENT);
	assert_int_equal(account_user(":70123", &a, err, sizeof(err)), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(users_and_groups_are_names_or_numbers),
	    cmocka_unit_test(what_is_no_id_is_refused_by_its_word),
	    cmocka_unit_test(a_user_has_its_own_group_or_the_one_that_is_named),
	    cmocka_unit_test(a_user_whose_group_is_not_known_is_refused),
	};
	return cmocka_run_group_tests_name("account", tests, NULL, NULL);
}
