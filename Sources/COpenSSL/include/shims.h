// OpenSSL 3 (libcrypto). Macros do not import into Swift; each shim is named after the macro it stands for.
#pragma once
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/decoder.h>
#include <openssl/ec.h>
#include <openssl/encoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

static inline void *shim_OPENSSL_malloc(size_t count) { return OPENSSL_malloc(count); }
static inline void shim_OPENSSL_clear_free(void *bytes, size_t count) { OPENSSL_clear_free(bytes, count); }
static inline int shim_BN_num_bytes(const BIGNUM *number) { return BN_num_bytes(number); }
static inline long shim_BIO_get_mem_data(BIO *bio, char **bytes) { return BIO_get_mem_data(bio, bytes); }
static inline int shim_EVP_PKEY_KEYPAIR(void) { return EVP_PKEY_KEYPAIR; }
static inline int shim_EVP_PKEY_PUBLIC_KEY(void) { return EVP_PKEY_PUBLIC_KEY; }
