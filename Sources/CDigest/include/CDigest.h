/// SHA-256 (FIPS 180-4) by OpenSSL's libcrypto, with the processor's SHA instructions where it has them. Only Layers imports
/// this module.
#pragma once
// No header of OpenSSL's here: it marks these functions as deprecated in favour of EVP, which would link all of libcrypto.
#include <stddef.h>
#include <stdint.h>

/// The state of a computation: room for a SHA256_CTX, which CDigest.c checks.
struct cdigest_sha256 {
    uint64_t words[14];
};

void cdigest_sha256_start(struct cdigest_sha256 *_Nonnull state);
void cdigest_sha256_update(struct cdigest_sha256 *_Nonnull state, const void *_Nullable bytes, size_t byteCount);
/// Writes the 32 bytes of the digest; the state is spent.
void cdigest_sha256_finish(struct cdigest_sha256 *_Nonnull state, uint8_t *_Nonnull digest);
