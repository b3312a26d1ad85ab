/// The decompressors that kernel images and layers need: zlib, liblzma, libzstd and liblz4. Only Boot and Layers import this
/// module.
#pragma once
#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>
