#include "CLastCall.h"
