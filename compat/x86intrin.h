// As immintrin.h, by which name gcc has it included.
#ifdef __AVX__
#include_next <x86intrin.h>
#else
#include <nmmintrin.h>
#endif
