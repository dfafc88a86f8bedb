import Torch

/// One decoder layer: x + o(attention(norm x)), then x + down(silu(gate(norm x)) · up(norm x)).
///
/// The stream x is float32; matrix products run in the number type of the projections' weights.
public struct Block {
    /// [hidden], float32
    public var inputNorm: Tensor
    /// [hidden], float32
    public var postAttentionNorm: Tensor
    /// [head dimension], where the family has them
    public var queryNorm: Tensor?
    public var keyNorm: Tensor?
    public var qkv: Projection
    public var o: Projection
    public var gateUp: Projection
    public var down: Projection
    public let geometry: Geometry

    public struct Geometry: Sendable {
        public var layer: Int
        public var headCount: Int
        public var keyValueHeadCount: Int
        public var headDimension: Int
        public var normEpsilon: Double
        public var window: Int?

        public init(
            layer: Int, headCount: Int, keyValueHeadCount: Int, headDimension: Int, normEpsilon: Double,
            window: Int? = nil
        ) {
            self.layer = layer
            self.headCount = headCount
            self.keyValueHeadCount = keyValueHeadCount
            self.headDimension = headDimension
            self.normEpsilon = normEpsilon
            self.window = window
        }
    }

    public init(
        inputNorm: Tensor, postAttentionNorm: Tensor, queryNorm: Tensor? = nil, keyNorm: Tensor? = nil,
        qkv: Projection, o: Projection, gateUp: Projection, down: Projection, geometry: Geometry
    ) {
        self.inputNorm = inputNorm
        self.postAttentionNorm = postAttentionNorm
        self.queryNorm = queryNorm
        self.keyNorm = keyNorm
        self.qkv = qkv
        self.o = o
        self.gateUp = gateUp
        self.down = down
        self.geometry = geometry
    }

    public subscript(_ name: ProjectionName) -> Projection {
        get {
            switch name {
            case .qkv: qkv
            case .o: o
            case .gateUp: gateUp
            case .down: down
            }
        }
        set {
            switch name {
            case .qkv: qkv = newValue
            case .o: o = newValue
            case .gateUp: gateUp = newValue
            case .down: down = newValue
            }
        }
    }

    /// A view of a linear's weight [out, in].
    public func weight(_ name: LinearName) -> Tensor {
        let projection = self[name.projection]
        let rows = projection.parts.first { $0.name == name }?.rows ?? 0
        return projection.weight.narrowed(0, projection.offset(of: name) ?? 0, rows)
    }

    /// A view of a linear's bias [out], where its projection has one.
    public func bias(_ name: LinearName) -> Tensor? {
        let projection = self[name.projection]
        guard let offset = projection.offset(of: name), let part = projection.parts.first(where: { $0.name == name })
        else { return nil }
        return projection.bias?.narrowed(0, offset, part.rows)
    }

    /// Whether the sub-layers are there; without one the residual passes unchanged.
    public var hasAttention: Bool { geometry.headCount > 0 }
    public var hasMLP: Bool { down.inputWidth > 0 }

    /// The number type of the matrix products.
    public var dtype: DType { qkv.weight.dtype }

    /// The same block with weights of another number type.
    public func to(_ dtype: DType) -> Block {
        var copy = self
        for name in ProjectionName.allCases { copy[name] = self[name].with(weight: self[name].weight.to(dtype)) }
        return copy
    }

    // MARK: Forward

    /// Sees the input [b, t, in] of every projection, or its output [b, t, Σ out], as a pass meets it.
    public typealias Observer = (ProjectionName, Tensor) -> Void

    /// x [b, t, hidden] -> [b, t, hidden]
    ///
    /// - Parameters:
    ///   - tree: how the sequences of x [1, t, hidden] hang together; `rotary` then has the rows of `tree.positions`.
    ///   - observer: sees the projections' inputs.
    ///   - outputs: sees the projections' outputs.
    public func callAsFunction(
        _ x: Tensor, rotary: RotaryTable, cache: KeyValueCache? = nil, tree: TokenTree? = nil,
        observer: Observer? = nil, outputs: Observer? = nil
    ) -> Tensor {
        let attended = attend(x, rotary: rotary, cache: cache, tree: tree, observer: observer, outputs: outputs)
        guard hasMLP else { return attended }
        let inner = expand(attended, observer: observer, outputs: outputs)
        observer?(.down, inner)
        let output = down(inner)
        outputs?(.down, output)
        return attended + output
    }

    /// The first sub-layer with its residual: x + o(attention(norm x)).
    public func attend(
        _ x: Tensor, rotary: RotaryTable, cache: KeyValueCache? = nil, tree: TokenTree? = nil,
        observer: Observer? = nil, outputs: Observer? = nil
    ) -> Tensor {
        guard hasAttention else { return x }
        let normal = x.rmsNorm(weight: inputNorm, epsilon: geometry.normEpsilon, output: dtype)
        observer?(.qkv, normal)
        let context = attention(normal, rotary: rotary, cache: cache, tree: tree, outputs: outputs)
        observer?(.o, context)
        let output = o(context)
        outputs?(.o, output)
        return x + output
    }

    /// The second sub-layer up to the input of `down`: silu(gate(norm x)) · up(norm x).
    public func expand(_ x: Tensor, observer: Observer? = nil, outputs: Observer? = nil) -> Tensor {
        guard hasMLP else { return Tensor.zeros([x.size(0), x.size(1), 0], dtype, device: x.device) }
        let normal = x.rmsNorm(weight: postAttentionNorm, epsilon: geometry.normEpsilon, output: dtype)
        observer?(.gateUp, normal)
        let output = gateUp(normal)
        outputs?(.gateUp, output)
        return output.swiglu()
    }

    /// [b, t, hidden] -> [b, t, heads · d]
    private func attention(
        _ x: Tensor, rotary: RotaryTable, cache: KeyValueCache?, tree: TokenTree?, outputs: Observer?
    ) -> Tensor {
        let (batch, tokens) = (x.size(0), x.size(1))
        let (heads, groups, width) = (geometry.headCount, geometry.keyValueHeadCount, geometry.headDimension)
        let output = qkv(x)
        outputs?(.qkv, output)
        let parts = output.split([heads * width, groups * width, groups * width], dimension: 2)
        var query = parts[0].reshaped([batch, tokens, heads, width])
        var key = parts[1].reshaped([batch, tokens, groups, width])
        var value = parts[2].reshaped([batch, tokens, groups, width])
        if let queryNorm, let keyNorm {
            query = query.rmsNorm(weight: queryNorm, epsilon: geometry.normEpsilon, output: dtype)
            key = key.rmsNorm(weight: keyNorm, epsilon: geometry.normEpsilon, output: dtype)
        }
        let angles = rotary.positions(cache?.length ?? 0, tokens)
        query = query.rotated(cosine: angles.cosine, sine: angles.sine)
        key = key.rotated(cosine: angles.cosine, sine: angles.sine)
        if let cache { (key, value) = cache.extend(layer: geometry.layer, key: key, value: value) }
        let scale = 1 / Double(width).squareRoot()
        if let tree {
            return Tensor.treeAttention(
                query: query, key: key, value: value, scale: scale, window: geometry.window, paths: tree.paths)
        }
        return Tensor.attention(query: query, key: key, value: value, scale: scale, window: geometry.window)
    }
}
