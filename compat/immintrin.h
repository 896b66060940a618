// What DPDK's headers include for vector types: here without instructions that the file at hand may
// not use. Declaring those takes longer than to compile all the rest of most files.
#ifdef __AVX__
#include_next <immintrin.h>
#else
#include <nmmintrin.h>
#endif
