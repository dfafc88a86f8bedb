import Torch
try Engine.checkVersion()
Engine.setThreads(2)
func time(_ name: String, flops: Double = 0, _ body: () -> Void) {
    body(); let c = ContinuousClock(); let n = 5
    var best = 1e9
    for _ in 0..<n { let d = c.measure(body); best = min(best, Double(d.components.attoseconds) * 1e-18 + Double(d.components.seconds)) }
    print(name, String(Int(best * 1e6)), "us", flops > 0 ? "\(Int(flops / best / 1e9)) GFLOP/s" : "")
}
func rnd(_ s: [Int], _ d: DType) -> Tensor { var x: UInt64 = 88172645463325252
  return Tensor((0..<s.reduce(1,*)).map { _ in x ^= x << 13; x ^= x >> 7; x ^= x << 17; return Float(Int32(truncatingIfNeeded: x)) / 2147483648.0 }, shape: s).to(d) }
Engine.withoutGradient {
for d in [DType.float32, .bfloat16] {
  print(d)
  for m in [512, 2048] {
    for (n, k) in [(576,576),(192,576),(960,576),(1536,576),(3072,576),(576,1536)] {
      let x = rnd([m,k], d), w = rnd([n,k], d)
      time("linear \(m)x\(n)x\(k)", flops: 2.0*Double(m*n*k)) { _ = x.linear(w) }
    }
    let x = rnd([m,576], .float32), g = rnd([576], .float32), gu = rnd([m,3072], d)
    time("rms \(m)") { _ = x.rmsNorm(weight: g, epsilon: 1e-5, output: d) }
    time("swiglu \(m)") { _ = gu.swiglu() }
  }
  let q = rnd([1,512,9,64], d).transposed(1,2), k = rnd([1,512,3,64], d).transposed(1,2)
  time("sdpa 512 h9", flops: 2.0*2*9*512*512*64) { _ = Tensor.attention(query: q, key: k, value: k, causal: true, scale: 0.125) }
  let x = rnd([512,9,64], d).reshaped([1,512,9,64]), c = rnd([512,32], .float32)
  time("rotary") { _ = x.rotated(cosine: c, sine: c) }
  let h = Tensor.zeros([1536,1536]), xx = rnd([512,1536], d)
  time("gram 1536", flops: 2.0*512*1536*1536) { h.addGram(xx) }
}
}
