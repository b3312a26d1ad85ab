// SwiftPM demands a source file in a C target; all functions are inline, in the header.
#include "CKVM.h"
