import Torch

/// One decoder layer: x + o(attention(norm x)), then x + down(activation(gate(norm x)) · up(norm x)), with norms on
/// what the sub-layers give where the blueprint has them.
///
/// The stream x is float32; matrix products run in the number type of the projections' weights.
public struct Block {
    public let blueprint: LayerBlueprint
    /// What normalised values are multiplied by, [hidden] or [head dimension], float32; of the sub-layers that are
    /// there.
    public var norms: [Norm.Place: Tensor]
    private var matrices: [ProjectionName: Projection]
    /// What chooses among experts, [experts, hidden] float32; of a block without experts nil.
    let router: Tensor?
    public var geometry: Geometry

    public struct Geometry: Sendable {
        public var layer: Int
        public var headCount: Int
        public var keyValueHeadCount: Int
        public var headDimension: Int
        public var normEpsilon: Double

        public init(
            layer: Int, headCount: Int, keyValueHeadCount: Int, headDimension: Int, normEpsilon: Double
        ) {
            self.layer = layer
            self.headCount = headCount
            self.keyValueHeadCount = keyValueHeadCount
            self.headDimension = headDimension
            self.normEpsilon = normEpsilon
        }
    }

    /// - Parameter projections: one for each of the blueprint's.
    public init(
        _ blueprint: LayerBlueprint, norms: [Norm.Place: Tensor], projections: [ProjectionName: Projection],
        router: Tensor? = nil, geometry: Geometry
    ) {
        self.blueprint = blueprint
        self.norms = norms
        matrices = projections
        self.router = router
        self.geometry = geometry
    }

    /// What the block multiplies by, in the order in which a forward pass does.
    public var projections: [ProjectionName] { blueprint.projections }
    public var linears: [LinearName] { blueprint.linears }

    public subscript(_ name: ProjectionName) -> Projection {
        get {
            guard let found = matrices[name] else {
                preconditionFailure("a block without the projection \(name.rawValue) is asked for it")
            }
            return found
        }
        set { matrices[name] = newValue }
    }

    public var qkv: Projection {
        get { self[.qkv] }
        set { self[.qkv] = newValue }
    }
    public var o: Projection {
        get { self[.o] }
        set { self[.o] = newValue }
    }
    public var gateUp: Projection {
        get { self[.gateUp] }
        set { self[.gateUp] = newValue }
    }
    public var down: Projection {
        get { self[.down] }
        set { self[.down] = newValue }
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
    public var hasMLP: Bool {
        self[blueprint.experts == nil ? .down : ProjectionName(.down, expert: 0)].inputWidth > 0
    }

    /// A sub-layer that is gone takes its norms with it.
    public mutating func dropNormsOfNothing() {
        norms = norms.filter { $0.key.isAttention ? hasAttention : hasMLP }
    }

    /// The number type of the matrix products.
    public var dtype: DType { qkv.weight.dtype }

    /// The same block with weights of another number type.
    public func to(_ dtype: DType) -> Block {
        var copy = self
        for name in projections { copy[name] = self[name].with(weight: self[name].weight.to(dtype)) }
        return copy
    }

    // MARK: Forward

    /// Sees the input [b, t, in] of every projection, or its output [b, t, Σ out], as a pass meets it; of an expert's
    /// those of the tokens that go through it, [n, ..].
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
        if let experts = blueprint.experts {
            return attended + mixture(attended, experts, observer: observer, outputs: outputs)
        }
        let inner = expand(attended, observer: observer, outputs: outputs)
        observer?(.down, inner)
        return attended + contract(inner, outputs: outputs)
    }

    /// Shows what the projections of a block read, [.., in], as `callAsFunction` does, without the last products.
    public func observe(_ x: Tensor, rotary: RotaryTable, observer: @escaping Observer) {
        let attended = attend(x, rotary: rotary, observer: observer)
        if let experts = blueprint.experts {
            if hasMLP { _ = mixture(attended, experts, observer: observer, isSummed: false) }
        } else {
            observer(.down, expand(attended, observer: observer))
        }
    }

    /// The first sub-layer with its residual: x + o(attention(norm x)).
    public func attend(
        _ x: Tensor, rotary: RotaryTable, cache: KeyValueCache? = nil, tree: TokenTree? = nil,
        observer: Observer? = nil, outputs: Observer? = nil
    ) -> Tensor {
        guard hasAttention else { return x }
        let normal = normalised(x, .attentionInput, output: dtype)
        observer?(.qkv, normal)
        let context = attention(normal, rotary: rotary, cache: cache, tree: tree, outputs: outputs)
        observer?(.o, context)
        let output = o(context)
        outputs?(.o, output)
        return x + normalised(output, .attentionOutput, output: .float32)
    }

    /// The second sub-layer up to the input of `down`: activation(gate(norm x)) · up(norm x).
    public func expand(_ x: Tensor, observer: Observer? = nil, outputs: Observer? = nil) -> Tensor {
        guard hasMLP else { return Tensor.zeros([x.size(0), x.size(1), 0], dtype, device: x.device) }
        let normal = normalised(x, .feedForwardInput, output: dtype)
        observer?(.gateUp, normal)
        let output = gateUp(normal)
        outputs?(.gateUp, output)
        switch blueprint.feedForward {
        case .gated(let activation): return output.gated(by: activation)
        case .experts: preconditionFailure("experts have an inner state each: see `mixture`")
        }
    }

    /// What the second sub-layer adds to the stream, of the input of `down`.
    public func contract(_ inner: Tensor, outputs: Observer? = nil) -> Tensor {
        let output = down(inner)
        outputs?(.down, output)
        return normalised(output, .feedForwardOutput, output: .float32)
    }

    /// The norm at a place; without one, x as it is.
    func normalised(_ x: Tensor, _ place: Norm.Place, output: DType) -> Tensor {
        guard let gain = norms[place] else { return x.dtype == output || !place.isInput ? x : x.to(output) }
        return x.rmsNorm(weight: gain, epsilon: geometry.normEpsilon, output: output)
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
        var query = normalised(parts[0].reshaped([batch, tokens, heads, width]), .query, output: dtype)
        var key = normalised(parts[1].reshaped([batch, tokens, groups, width]), .key, output: dtype)
        var value = parts[2].reshaped([batch, tokens, groups, width])
        let kind = blueprint.attention
        let angles = rotary[kind.rotary].positions(cache?.length ?? 0, tokens)
        query = query.rotated(cosine: angles.cosine, sine: angles.sine)
        key = key.rotated(cosine: angles.cosine, sine: angles.sine)
        if let cache { (key, value) = cache.extend(layer: geometry.layer, key: key, value: value) }
        if let tree {
            return Tensor.treeAttention(
                query: query, key: key, value: value, scale: kind.scale, window: kind.window, softCap: kind.softCap,
                paths: tree.paths)
        }
        return Tensor.attention(
            query: query, key: key, value: value, scale: kind.scale, window: kind.window, softCap: kind.softCap)
    }
}
