import Tokens

/// What the fuzz targets take for good. Written by `Fuzz/sign`, which did not keep the private keys.
enum SignedTokens {
  static let now: UnixSeconds = 1_750_000_000
  static let secret = "the secret of the signed tokens, which are good for nothing else"
  static let keySet = #"""
    {"keys":[{"kty":"RSA","n":"saA3gvy9lKPt2BpnGXsejSgRBitCTukQJsy6d2vcUehMLo9mxCpS2K44kMlVgu83kieb6QKp5\#
    2x23YJFnYKmw-Y7E-A5bScrvCzdPKh-_X5FAYX_rRe6CB3pTMXi4nh6BCsbDkge9xXhhxayKk8t8V-2aQ5kkDFqsMPDbTzHgLwRD\#
    qUmnO30j3qtas2pt6_H0pW27QHnZtXSaYAmtuslDLiVDBwFch6dnsjDnEV0l7woId8kHFYRuzpDoGwXG8tj2Izr9prcUR3yeNuji\#
    WI4BnUvCGU5eo7TL7xjU5iJGhGIY1rHSg_4jL2vF5nbDfx7Xg1X22Wu5WwRW96pQPeeYw","e":"AQAB","kid":"rs256","use\#
    ":"sig"},{"kty":"EC","crv":"P-256","x":"xVPhZkX7CFgN6xlnVvOZuilSha9B3TBNHwLpwP9KEbY","y":"px4IfJO8At\#
    YBkDRyREtZ8Cupckn82V6Ldn23372Zmfs","kid":"es256","use":"sig"},{"x":"q-uKHNHgVMtYfmkh85D1mhFgwROKX_WC\#
    Z7WpQlNk_90","kty":"OKP","crv":"Ed25519","kid":"eddsa","use":"sig"}]}
    """#
  static let tokens = [
    #"""
    eyJhbGciOiJSUzI1NiIsImtpZCI6InJzMjU2IiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIiwiYXVk\#
    IjoiYXBpIiwiZXhwIjoxNzUwMDAwNjAwfQ.PAWAVKgdKSJ_L--qELUNlPiqRyESevGX4W9ifY5lZzu_mX6FIgNqs6KZh8ty4LIeJ\#
    6JOTf9f6NWseofukV5CV45dvss-tcoJvy5ldnBGkdRUu8a0flSYNjVI3zq4HIR-EB3zBu4nsH0BiIcO6EN-g7mb1WFVCNMZa6J6l\#
    -pTjEvCy9AZ9-6WH5mLsOSsRYYXOuwUo0pOLY92MovAwATbX1DToILJU6NkuftLLYLE2JRSlITqcXhQM8NxQxTpWKMvCsdii6r4L\#
    E0paRm2VHPtAIV_4K4EFogbf46bK8yWO0DsB4_Eg18mguuyXRKQQjFyAiJPsjB24RJ4-eJIIeN5xA
    """#,
    #"""
    eyJhbGciOiJSUzI1NiIsImtpZCI6InJzMjU2IiwidHlwIjoiYXQrand0In0.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIiwi\#
    YXVkIjpbIm90aGVyIiwiYXBpIl0sImV4cCI6MTc1MDAwMDYwMCwic3ViIjoiYWxpY2UiLCJuYmYiOjE3NDk5OTk5OTkuNSwiaWF0\#
    IjoxNzUwMDAwMDAwLCJzY29wZSI6InJlYWQgd3JpdGUiLCJyZWFsbV9hY2Nlc3MiOnsicm9sZXMiOlsiYWRtaW4iXX19.H8ipcfI\#
    MCvAK0kySIYDtjBiO-XSFNobVOuC4N1S4r_Efx6iMr4hktVgERKGu5C2_zymCg2Q2Q16rbwddLmTYocbo_XnJUuUCVvcwgee0j1H\#
    E2-VWFsiQRnkR1mSovdD5XU0IvNG18KpvhJDyMbCqiR74749JCRjzKkZM5bU-ZZYTTMhMuEGgeD-Rkq2DdpebRmXINAboG-1pyqq\#
    V2VP-UmGHtPKLqCRxtw66sV_dkCNsFW5XladtAQ8B0RDMgmPXGep0ys-2p2mEv9BqhQ0oQR_7tWRprLr-Q78ELYum8n3t1NxoHRS\#
    dq9lPAfTNHLd_xLCwIssekoS-KlKemu7ZHg
    """#,
    #"""
    eyJhbGciOiJQUzI1NiIsImtpZCI6InJzMjU2IiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIiwiYXVk\#
    IjoiYXBpIiwiZXhwIjoxNzUwMDAwNjAwfQ.C0n7mFHUURFHBU1zQRpodAneKbfpPiY3xcm3N7tTgsNsE8jfo18QjEFiFIYEr86jh\#
    amrzUFCCPOOL43H-rOZWEq_5nM9tI7OpOUf-hKTdQuly8W-_UbFqNP_Z57CWOslYq0yD_qMHPoUOUYk2zm5OrIJx_vLThwUZyJ9x\#
    m_uk0XQDJf_Zr08nlOcxLld21lSBVdGHoWGt3TwSH3J3co_eeQsjGPrqxWMl1EoA46wIyUXXNDV7RGNWpvczE2eQvBcAD6GDvHyo\#
    RxBENdozQXxc_q_-IZ7-F3z8MGUlizcrv1c-OhZB3EGf5aUfH8bP0Z61XqDj6A2GVrdyYLAnegzWg
    """#,
    #"""
    eyJhbGciOiJFUzI1NiIsImtpZCI6ImVzMjU2IiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIiwiYXVk\#
    IjoiYXBpIiwiZXhwIjoxNzUwMDAwNjAwfQ.UGmc2lCBhhbFzcV-PtQZ8cqBbfCQyVMEuVuTDClWcb_66pGwDdmialwyxmfOHy_hJ\#
    S3b7PP9XzAr0SkWb5qTVg
    """#,
    #"""
    eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIiwiYXVkIjpbIm90aGVyIiwiYXB\#
    pIl0sImV4cCI6MTc1MDAwMDYwMCwic3ViIjoiYWxpY2UiLCJuYmYiOjE3NDk5OTk5OTkuNSwiaWF0IjoxNzUwMDAwMDAwLCJzY29\#
    wZSI6InJlYWQgd3JpdGUiLCJyZWFsbV9hY2Nlc3MiOnsicm9sZXMiOlsiYWRtaW4iXX19.MPQfywopOMpKitKgWKRDBYBtBS7klr\#
    08QDVceVKN_zJgSmtFabkN1z8GUwGAcx8gvq56l6wKNpwC0eqMR5EylA
    """#,
    #"""
    eyJhbGciOiJFZERTQSIsImtpZCI6ImVkZHNhIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIiwiYXVk\#
    IjoiYXBpIiwiZXhwIjoxNzUwMDAwNjAwfQ.3rtWEzWxbtIN4-Nn39cmxNx5GxZyElLYLdfBxc6dOyMffKJ0rLdjXs7lio6siQRhS\#
    erhWjrCmPYMvpLb6FKoCQ
    """#,
    #"""
    eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIiwiYXVkIjoiYXBpIiwiZXhwIjo\#
    xNzUwMDAwNjAwfQ.N8y8y3WMcjqYgtypg_h0XTdNDGBmRLKVj7hCJzYlWt8
    """#,
    #"""
    eyJhbGciOiJIUzUxMiIsImtpZCI6ImFueSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIiwiYXVkIjp\#
    bIm90aGVyIiwiYXBpIl0sImV4cCI6MTc1MDAwMDYwMCwic3ViIjoiYWxpY2UiLCJuYmYiOjE3NDk5OTk5OTkuNSwiaWF0IjoxNzU\#
    wMDAwMDAwLCJzY29wZSI6InJlYWQgd3JpdGUiLCJyZWFsbV9hY2Nlc3MiOnsicm9sZXMiOlsiYWRtaW4iXX19.EgUKaynhK2KGxa\#
    c-Fit8KbXyE9rmMTJeaUfqpN34bHJn63LWa4xJ2YTJNAtVtEXRlS4V2dfZsEKj2bZsEYSH7w
    """#,
  ]
}
