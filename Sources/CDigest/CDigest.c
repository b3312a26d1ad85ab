#define OPENSSL_SUPPRESS_DEPRECATED
#include "CDigest.h"

#include <openssl/sha.h>

_Static_assert(sizeof(SHA256_CTX) == sizeof(struct cdigest_sha256), "room for a SHA256_CTX");
_Static_assert(_Alignof(SHA256_CTX) <= _Alignof(struct cdigest_sha256), "room for a SHA256_CTX");

// None of these can fail: what they return is 1 always.

void cdigest_sha256_start(struct cdigest_sha256 *state) { SHA256_Init((SHA256_CTX *)state); }

void cdigest_sha256_update(struct cdigest_sha256 *state, const void *bytes, size_t byteCount) {
    SHA256_Update((SHA256_CTX *)state, bytes, byteCount);
}

void cdigest_sha256_finish(struct cdigest_sha256 *state, uint8_t *digest) {
    SHA256_Final(digest, (SHA256_CTX *)state);
}
