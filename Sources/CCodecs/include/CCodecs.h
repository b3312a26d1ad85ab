/// The decompressors that kernel images need: zlib, liblzma, libzstd and liblz4. Only Boot imports this module.
#pragma once
#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>
