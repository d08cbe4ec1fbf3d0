#include "decoder/zygote.h"

int main() { return tamiz::decoder::RunZygote(); }
