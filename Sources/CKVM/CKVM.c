// SwiftPM wants one source file in a C target; everything here is inline, in the header.
#include "CKVM.h"
