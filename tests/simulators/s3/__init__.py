"""A stateful imitation of S3's REST interface, as AWS's pages describe it (read on 2026-11-27), not of our client.

It keeps buckets and objects; verifies the signature (version 4) of each call, in headers and in addresses, and the hash of its body; lists
keys in pages, with prefixes; answers ranges and conditions; and refuses in XML. Use it inside a test with
`tests.simulators.s3.server.running()`, or by hand with `python -m tests.simulators.s3`.
"""
