// libFuzzer as a library (https://llvm.org/docs/LibFuzzer.html): there is no header of its own for this function.

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*callback)(const uint8_t *data, size_t size));
