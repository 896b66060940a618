// Frames to keys: nothing is read past the end, and the layout stays inside the frame.
//   clang -fsanitize=fuzzer,address,undefined -march=x86-64-v2 -I. tests/fuzz/fuzz_extract.c
//   flowtable/extract.c
#include "flowtable/extract.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct packet_layout layout;
	struct flow_key key;

	memset(&key, 0, sizeof(key));
	flow_extract(data, (uint32_t)size, &key, &layout);
	if (layout.l3_ofs != LAYOUT_NONE && layout.l3_ofs + 20u > size)
		abort();
	if (layout.l4_ofs != LAYOUT_NONE &&
	    (layout.l4_ofs + 8u > size || layout.l4_ofs <= layout.l3_ofs))
		abort();
	return 0;
}
