import Containers
import Images
import Testing

@Suite struct ImageConfigurationTests {
    @Test("an image without settings requests nothing")
    func empty() {
        let configuration = ImageConfiguration()
        #expect(
            configuration.entrypoint.isEmpty && configuration.command.isEmpty && configuration.user.isEmpty)
    }
}
