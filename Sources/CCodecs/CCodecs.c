// SwiftPM wants one source file in a C target; this one only names the libraries.
#include "CCodecs.h"
