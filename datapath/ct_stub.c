// Until application protocols are there (ct_alg.c): to be deleted then.
#include "datapath/ct_steps.h"

bool ct_alg_expected(const struct ct_packet *p, struct ct_ext *ext, struct ct_conn *conn, bool take)
{
	(void)p;
	(void)ext;
	(void)conn;
	(void)take;
	return false;
}

int ct_alg_run(struct ct_packet *p, uint32_t now)
{
	(void)p;
	(void)now;
	return 0;
}
