// Packets without an Ethernet header, as Open vSwitch's encap() and decap() make them.
#include "edit_check.h"
#include "frames.h"

