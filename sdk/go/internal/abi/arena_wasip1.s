#include "textflag.h"

// func arenaExhausted()
TEXT ·arenaExhausted(SB), NOSPLIT, $0-0
	UNDEF
