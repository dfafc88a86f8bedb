import CTorch

extension Tensor {
    // MARK: Elementwise

    public static func + (a: Tensor, b: Tensor) -> Tensor { Tensor(esp_add(a.handle, b.handle)) }
    public static func - (a: Tensor, b: Tensor) -> Tensor { Tensor(esp_sub(a.handle, b.handle)) }
    public static func * (a: Tensor, b: Tensor) -> Tensor { Tensor(esp_mul(a.handle, b.handle)) }
    public static func / (a: Tensor, b: Tensor) -> Tensor { Tensor(esp_div(a.handle, b.handle)) }
    public static func + (a: Tensor, b: Double) -> Tensor { Tensor(esp_add_scalar(a.handle, b)) }
    public static func * (a: Tensor, b: Double) -> Tensor { Tensor(esp_mul_scalar(a.handle, b)) }

    /// self += scale · other
    public func add(_ other: Tensor, scale: Double = 1) {
        Engine.require(esp_add_in_place(handle, other.handle, scale))
    }
    /// self ·= other, elementwise
    public func multiply(by other: Tensor) { Engine.require(esp_mul_in_place(handle, other.handle)) }
    public func multiply(by factor: Double) { Engine.require(esp_mul_scalar_in_place(handle, factor)) }
    /// self += scale · a · b, elementwise
    public func addProduct(_ a: Tensor, _ b: Tensor, scale: Double = 1) {
        Engine.require(esp_addcmul_in_place(handle, a.handle, b.handle, scale))
    }
    public func fill(_ value: Double) { Engine.require(esp_fill(handle, value)) }
    /// Overwrites the values, converting the number type.
    public func copy(from source: Tensor) { Engine.require(esp_copy(handle, source.handle)) }

    public func magnitude() -> Tensor { Tensor(esp_abs(handle)) }
    public func squareRoot() -> Tensor { Tensor(esp_sqrt(handle)) }
    public func exponential() -> Tensor { Tensor(esp_exp(handle)) }
    public func isGreater(than threshold: Double) -> Tensor { Tensor(esp_compare_greater(handle, threshold)) }
    public func isEqual(to value: Double) -> Tensor { Tensor(esp_compare_equal(handle, value)) }
    /// Elementwise `condition ? a : b`.
    public static func choose(_ condition: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
        Tensor(esp_where(condition.handle, a.handle, b.handle))
    }

    // MARK: Reductions

    public func sum() -> Tensor { Tensor(esp_sum(handle, Int32.max, false)) }
    public func sum(_ dimension: Int, keep: Bool = false) -> Tensor {
        Tensor(esp_sum(handle, Int32(dimension), keep))
    }
    public func mean() -> Tensor { Tensor(esp_mean(handle, Int32.max, false)) }
    public func mean(_ dimension: Int, keep: Bool = false) -> Tensor {
        Tensor(esp_mean(handle, Int32(dimension), keep))
    }
    public func maximum() -> Tensor { Tensor(esp_max(handle, Int32.max, false)) }
    public func maximum(_ dimension: Int, keep: Bool = false) -> Tensor {
        Tensor(esp_max(handle, Int32(dimension), keep))
    }
    public func argmax(_ dimension: Int) -> Tensor { Tensor(esp_argmax(handle, Int32(dimension))) }
    /// The Frobenius norm, accumulated in float32.
    public func norm() -> Tensor { Tensor(esp_norm(handle)) }
    public func allFinite() -> Bool {
        var result = false
        Engine.require(esp_all_finite(handle, &result))
        return result
    }
    public func softmax(_ dimension: Int) -> Tensor { Tensor(esp_softmax(handle, Int32(dimension))) }
    public func logSoftmax(_ dimension: Int) -> Tensor { Tensor(esp_log_softmax(handle, Int32(dimension))) }

    // MARK: Matrices

    public func matmul(_ other: Tensor) -> Tensor { Tensor(esp_matmul(handle, other.handle)) }
    /// x Wᵀ + b for x [.., in], W [out, in], b [out].
    public func linear(_ weight: Tensor, bias: Tensor? = nil) -> Tensor {
        Tensor(esp_linear(handle, weight.handle, bias?.handle))
    }
    /// self = x Wᵀ for x [n, in], W [out, in] and self [n, out] of their number type: a product into memory that is
    /// there.
    public func setLinear(_ x: Tensor, _ weight: Tensor) {
        Engine.require(esp_linear_into(handle, x.handle, weight.handle))
    }
    /// self = beta · self + alpha · a b
    public func addMatmul(_ a: Tensor, _ b: Tensor, beta: Double = 1, alpha: Double = 1) {
        Engine.require(esp_addmm_in_place(handle, a.handle, b.handle, beta, alpha))
    }
    /// self += alpha · xᵀx for x [.., k] and self [k, k] float32.
    public func addGram(_ x: Tensor, alpha: Double = 1) {
        Engine.require(esp_add_gram(handle, x.handle, alpha))
    }
    /// A view of the diagonal of a matrix.
    public func diagonal() -> Tensor { Tensor(esp_diagonal(handle)) }
    /// The Cholesky factor, or nil when the matrix is not positive definite.
    public func cholesky(upper: Bool = false) -> Tensor? {
        var positive = false
        let factor = Tensor(esp_cholesky(handle, upper, &positive))
        return positive ? factor : nil
    }
    /// The inverse of the matrix whose Cholesky factor this is.
    public func choleskyInverse(upper: Bool = false) -> Tensor { Tensor(esp_cholesky_inverse(handle, upper)) }
}

// MARK: - A decoder's operations

extension Tensor {
    /// RMS norm over the last dimension: weight · x / sqrt(mean x² + ε), computed in float32, given in `output`.
    public func rmsNorm(weight: Tensor, epsilon: Double, output: DType) -> Tensor {
        Tensor(esp_rms_norm(handle, weight.handle, epsilon, output.c))
    }
    /// Rotary position embedding of x [b, t, heads, d] by cosine and sine [t, d/2], the two halves of a head forming
    /// the pairs.
    public func rotated(cosine: Tensor, sine: Tensor) -> Tensor {
        Tensor(esp_rotary(handle, cosine.handle, sine.handle))
    }
    /// activation(gate) · up for self = [.., gate | up].
    public func gated(by activation: Activation) -> Tensor { Tensor(esp_gated(handle, activation.c)) }
    /// cap · tanh(self / cap), in the tensor's own number type.
    public func softCapped(at cap: Double) -> Tensor { Tensor(esp_soft_cap(handle, cap)) }
    /// Causal attention softmax(scale · q kᵀ) v of q [b, t, heads, d] over k, v [b, s, kv, d], heads a multiple of kv.
    /// The queries are the last t of the s positions; with a window each sees that many positions, itself included.
    /// With a soft cap c the scaled products p are c · tanh(p / c). The result is [b, t, heads · d].
    public static func attention(
        query: Tensor, key: Tensor, value: Tensor, scale: Double, window: Int? = nil, softCap: Double? = nil
    ) -> Tensor {
        Tensor(esp_attention(query.handle, key.handle, value.handle, scale, Int64(window ?? 0), softCap ?? 0))
    }
    /// The same for the nodes of a tree of sequences, whose tokens stand one after another in q [1, t, heads, d] and
    /// k, v [1, t, kv, d]. A node is given as its path: the ranges of its ancestors' rows from the root on, then its
    /// own. The nodes' own ranges are all of the rows. The result is [1, t, heads · d].
    public static func treeAttention(
        query: Tensor, key: Tensor, value: Tensor, scale: Double, window: Int? = nil, softCap: Double? = nil,
        paths: [[Range<Int>]]
    ) -> Tensor {
        let ranges = paths.flatMap { $0.flatMap { [Int64($0.lowerBound), Int64($0.upperBound)] } }
        return Tensor(
            esp_tree_attention(
                query.handle, key.handle, value.handle, scale, Int64(window ?? 0), softCap ?? 0, ranges,
                paths.map { Int64($0.count) }, Int32(paths.count)))
    }
}

// MARK: - Pruning's loops

extension Tensor {
    /// A bool mask that keeps the `keep` highest of every `group` consecutive scores; among equals the lower index
    /// goes first, so the count is exact and runs repeat.
    public func keepMask(_ keep: Int, of group: Int) -> Tensor {
        Tensor(esp_mask_keep_of(handle, Int64(keep), Int64(group), false))
    }
    /// The same as devices without loops of their own find it, in tensor operations.
    func keepMaskByTensors(_ keep: Int, of group: Int) -> Tensor {
        Tensor(esp_mask_keep_of(handle, Int64(keep), Int64(group), true))
    }
    /// What groups of columns gain by exchanging one member each, of scores [rows, n] float32 on the processor.
    ///
    /// In every row the `keep` highest scores of a group count.
    ///
    /// - Parameters:
    ///   - groups: each as many columns.
    ///   - member: the number of the member that is exchanged.
    /// - Returns: row-major [groups, groups]: what the sum of group j rises by when group i's member joins it, its own
    ///   left out of both.
    public func exchangeGains(_ groups: [[Int]], keep: Int, member: Int) -> [Float] {
        let columns = groups.flatMap { $0.map(Int32.init) }
        return [Float](unsafeUninitializedCapacity: groups.count * groups.count) { buffer, count in
            Engine.require(
                esp_exchange_gains(
                    handle, columns, Int64(groups.count), Int64(groups.first?.count ?? 0), Int64(keep), Int64(member),
                    buffer.baseAddress))
            count = groups.count * groups.count
        }
    }

    /// self[j] += Σ x[.., j]² for self [columns] float32.
    public func addColumnSquares(_ x: Tensor) { Engine.require(esp_add_column_squares(handle, x.handle)) }

    /// One RMSprop step on a float32 master weight, as `torch.optim.RMSprop` without momentum. `working`, when given,
    /// receives the new weight in its own number type.
    public func rmspropStep(
        gradient: Tensor, square: Tensor, working: Tensor?, rate: Double, decay: Double = 0.99, epsilon: Double = 1e-8
    ) {
        Engine.require(
            esp_rmsprop_step(handle, gradient.handle, square.handle, working?.handle, rate, decay, epsilon))
    }

    /// One Adam step on a float32 master weight with bias correction for the 1-based `step`; `working` receives the
    /// new weight under the mask.
    public func adamStep(
        gradient: Tensor, first: Tensor, second: Tensor, mask: Tensor, working: Tensor, rate: Double, beta1: Double,
        beta2: Double, epsilon: Double, step: Int
    ) {
        Engine.require(
            esp_adam_step(
                handle, gradient.handle, first.handle, second.handle, mask.handle, working.handle, rate, beta1, beta2,
                epsilon, Int64(step)))
    }

    /// SparseGPT's recursion over one block of columns: self [rows, width] is pruned and compensated in place,
    /// `inverse` is the block of the upper Cholesky factor of H⁻¹, `keep` the bool mask (given, or written when
    /// `group` > 0), and `errors` receives what the later columns must make up for.
    public func sparseGPTBlock(inverse: Tensor, keep: Tensor, keepOf: Int, group: Int, errors: Tensor) {
        Engine.require(
            esp_sparsegpt_block(handle, inverse.handle, keep.handle, Int64(keepOf), Int64(group), errors.handle))
    }
}

// MARK: - Training's loops

extension Tensor {
    /// x Wᵀ + b for x [.., in], W [out, in], where some rows of W hold scale · B A already: gradients go to A and B, not
    /// to W.
    ///
    /// - Parameters:
    ///   - a: [parts · r, in].
    ///   - b: [Σ rows of the parts, r].
    ///   - parts: the rows of W that each part is added to.
    public func linear(
        _ weight: Tensor, bias: Tensor?, lowRank a: Tensor, _ b: Tensor, scale: Double, parts: [Range<Int>]
    ) -> Tensor {
        Tensor(
            esp_low_rank_linear(
                handle, weight.handle, bias?.handle, a.handle, b.handle, scale, parts.map { Int64($0.lowerBound) },
                parts.map { Int64($0.count) }, Int32(parts.count)))
    }

    /// KL(dense ‖ model) and −log p(target) of every row of logits [n, vocabulary], as float64 [n, 2], in nats. The
    /// logits are overwritten by the gradient of scale · (kl · KL + lm · −log p), but for a scale of 0, which leaves them
    /// as they are.
    ///
    /// - Parameters:
    ///   - dense: the teacher's logits, of the same shape; nil leaves KL zero.
    ///   - targets: int64 [n], the token that followed; a row with a negative one counts nothing.
    public func replaceByGradient(
        ofDistillationFrom dense: Tensor?, targets: Tensor, kl: Double, lm: Double, scale: Double
    ) -> Tensor {
        Tensor(esp_distillation_loss(handle, dense?.handle, targets.handle, kl, lm, scale, false))
    }
    /// The same as devices without loops of their own find it, in tensor operations.
    func replaceByGradientByTensors(
        ofDistillationFrom dense: Tensor?, targets: Tensor, kl: Double, lm: Double, scale: Double
    ) -> Tensor {
        Tensor(esp_distillation_loss(handle, dense?.handle, targets.handle, kl, lm, scale, true))
    }

    /// The sum of squares, accumulated in float64; only over places where `weight` is not zero, if it is given.
    public func squareSum(where weight: Tensor? = nil) -> Double {
        var result = 0.0
        Engine.require(esp_square_sum(handle, weight?.handle, &result))
        return result
    }

    /// One step of AdamW on a float32 master weight, as `torch.optim.AdamW`, for the 1-based `step`.
    ///
    /// - Parameters:
    ///   - working: receives the new weight in its own number type.
    ///   - factor: what the gradient is multiplied by, for clipping.
    ///   - decay: of the weight, decoupled from the gradient.
    ///   - keepsZeros: whether a weight that is zero stays zero.
    public func adamWStep(
        gradient: Tensor, first: Tensor, second: Tensor, working: Tensor?, factor: Double, rate: Double, decay: Double,
        beta1: Double, beta2: Double, epsilon: Double, step: Int, keepsZeros: Bool
    ) {
        Engine.require(
            esp_adamw_step(
                handle, gradient.handle, first.handle, second.handle, working?.handle, factor, rate, decay, beta1,
                beta2,
                epsilon, Int64(step), keepsZeros))
    }

    /// Becomes base + added in its own number type.
    ///
    /// - Parameters:
    ///   - base: float32, of this shape.
    ///   - added: the same.
    ///   - keepsZeros: whether it is zero where `base` is.
    public func set(sumOf base: Tensor, _ added: Tensor, keepsZeros: Bool) {
        Engine.require(esp_set_sum(handle, base.handle, added.handle, keepsZeros))
    }

    /// Becomes zero where a weight is zero; float32 and of this shape.
    public func keepZeros(of weight: Tensor) { Engine.require(esp_keep_zeros(handle, weight.handle)) }
}
