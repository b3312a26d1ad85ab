public import Host
public import Images
public import Template

/// The choice between a template and a cold start.
extension RunOptions {
    private static let variable = "VMM_TEMPLATE"

    /// Returns the value of `--template`, or else that of VMM_TEMPLATE, or else `auto`.
    public func templatePolicy() throws(Failure) -> TemplatePolicy {
        if let template { return template }
        guard let text = Environment.value(Self.variable), !text.isEmpty else { return .auto }
        guard let policy = TemplatePolicy(rawValue: text) else {
            throw .invalid(
                text, for: Self.variable, because: "not one of auto, never, require",
                cure: "Set it to one of these, or unset it.")
        }
        return policy
    }
}

extension ContainerPlan {
    /// Returns the reason why this container's machine cannot start from a template of `store`; nil if it
    /// can.
    ///
    /// Everything else either is a part of the template's key, or reaches the guest through its agent.
    public func templateObstacle(in store: borrowing ImageStore) -> String? {
        if writableByteCount != nil { return "its --writable layer is a disk of its own" }
        return store.belongsToThisUser ? nil : "the image store belongs to another user"
    }
}
