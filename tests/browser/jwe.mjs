// Encrypts and decrypts with jose: reads {"key": JWK, "alg", "enc", "content"} or {"key": JWK, "jwe"}, and prints what came of it.
import { readFileSync } from 'node:fs'
import { CompactEncrypt, compactDecrypt, importJWK } from 'jose'

const asked = JSON.parse(readFileSync(0, 'utf8'))
if (asked.jwe) {
  const key = await importJWK(asked.key, JSON.parse(Buffer.from(asked.jwe.split('.')[0], 'base64url')).alg)
  const { plaintext } = await compactDecrypt(asked.jwe, key)
  process.stdout.write(plaintext)
} else {
  const header = { alg: asked.alg, enc: asked.enc, kid: asked.key.kid, cty: 'JWT' }
  const key = await importJWK(asked.key, asked.alg)
  process.stdout.write(await new CompactEncrypt(Buffer.from(asked.content)).setProtectedHeader(header).encrypt(key))
}
