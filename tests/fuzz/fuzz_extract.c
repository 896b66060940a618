// Frames to keys: nothing is read past the end, the layout stays inside the frame, the fast way
// gives what the whole one does, and a head that wants no more is enough.
#include "flowtable/extract_fast.h"

#include <stdlib.h>
#include <string.h>

#define HEAD	    128u
#define HEADERS_MAX 256u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct extracted {
	struct flow_key key;
	struct packet_layout layout;
};

static struct extracted extract(const uint8_t *data, uint32_t len)
{
	struct extracted e;

	memset(&e, 0, sizeof(e));
	flow_extract(data, len, &e.key, &e.layout);
	return e;
}

static void check_same(const struct extracted *a, const struct extracted *b)
{
	if (memcmp(&a->key, &b->key, FLOW_KEY_HOT_BYTES) != 0 ||
	    memcmp(&a->layout, &b->layout, sizeof(a->layout)) != 0)
		abort();
}

static void check_layout(const struct packet_layout *layout, size_t size)
{
	if (layout->l3_ofs != LAYOUT_NONE && layout->l3_ofs + 20u > size)
		abort();
	if (layout->l4_ofs != LAYOUT_NONE &&
	    (layout->l4_ofs + 8u > size || layout->l4_ofs <= layout->l3_ofs))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t len = (uint32_t)size;
	struct extracted whole = extract(data, len), fast, head, headers;

	check_layout(&whole.layout, size);
	if (flow_extract_fast(data, len, 0, 0, &fast.key, &fast.layout))
		check_same(&fast, &whole);
	if (len <= HEAD)
		return 0;
	head = extract(data, HEAD);
	headers = extract(data, len < HEADERS_MAX ? len : HEADERS_MAX);
	if (!flow_extract_wants_more(&head.key, HEAD, len))
		check_same(&head, &headers);
	return 0;
}
