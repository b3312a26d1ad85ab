import AgentProtocol
import Host
import Images

extension ContainerPlan {
    /// Refuses what the agent or the guest's kernel would refuse with a less clear message. `image` is the
    /// name that the user gave.
    static func checkSize(
        of container: ContainerSpecification, _ process: ProcessSpecification, image: String
    ) throws(Failure) {
        if let why = CommandSize.problem(process.arguments + process.environment) {
            throw Failure(
                .usage, "cannot run \(image.brief)", because: "the command and its environment are too long",
                cure:
                    "Linux allows \(why); the image's settings, --env, --env-file and the command all count.")
        }
        let byteCount = container.byteCount + process.byteCount
        // The monitor sends both frames before the agent reads, so their sum is limited like a single frame.
        let limit = min(FrameHeader.payloadLimit(.container), FrameHeader.payloadLimit(.start))
        guard byteCount <= limit else {
            throw Failure(
                .usage, "cannot run \(image.brief)",
                because: "its specification takes \(byteCount) bytes; the limit is \(limit)",
                cure: "Use fewer mounts, masked paths, groups or variables.")
        }
    }
}

extension ByteValue {
    fileprivate var byteCount: Int { fileBytes.count }
}
