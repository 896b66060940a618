#include "flowtable/stages.h"

int stages_add(struct stages *s, unsigned n_stages, const uint32_t *hashes)
{
	for (unsigned i = 0; i + 1 < n_stages; i++) {
		int err = hash_counts_add(&s->early[i], hashes[i]);

		if (err) {
			stages_del(s, i + 1, hashes);
			return err;
		}
	}
	return 0;
}

void stages_del(struct stages *s, unsigned n_stages, const uint32_t *hashes)
{
	for (unsigned i = 0; i + 1 < n_stages; i++)
		hash_counts_del(&s->early[i], hashes[i]);
}

void stages_fini(struct stages *s)
{
	for (unsigned i = 0; i < CLS_STAGES - 1; i++)
		hash_counts_fini(&s->early[i]);
}
