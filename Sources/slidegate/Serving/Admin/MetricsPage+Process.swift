import EventLoop
import Metrics

extension MetricsPage {
    /// What the program is, what it goes by, and what it has of the machine.
    static func appendProgram(_ service: ServiceReport, isReady: Bool, to page: inout Exposition) {
        if !service.certificates.isEmpty {
            page.begin(.certificateExpiry)
            for certificate in service.certificates.sorted(by: { $0.notAfter < $1.notAfter }).prefix(samplesMax) {
                page.sample(certificate.listener, certificate.name, value: Int(certificate.notAfter))
            }
        }
        page.begin(.logLinesDropped)
        for (log, count) in service.droppedLogLines { page.sample(log, value: count) }
        page.single(.ready, isReady ? 1 : 0)
        page.begin(.buildInfo)
        page.sample(
            Version.text, compilerVersion, LibraryVersions.openssl, LibraryVersions.libevent, value: 1)
        appendConfiguration(service, to: &page)
        appendProcess(startedAt: service.startedAt, to: &page)
    }

    private static func appendConfiguration(_ service: ServiceReport, to page: inout Exposition) {
        page.begin(.configurationInfo)
        page.sample("\(service.generation)", service.digest, value: 1)
        page.single(.configurationLoaded, Int(service.loadedAt))
        page.begin(.configurationReloads)
        page.sample("applied", value: service.reloadsApplied)
        page.sample("refused", value: service.reloadsRefused)
        page.single(.lastReloadSuccessful, service.lastReload?.isApplied ?? true ? 1 : 0)
    }

    /// Of the compiler: there is nothing that could be asked at run time.
    static var compilerVersion: String {
        #if compiler(>=6.5)
            "6.5 or later"
        #elseif compiler(>=6.4)
            "6.4"
        #else
            "6.3"
        #endif
    }

    private static func appendProcess(startedAt: Int64, to page: inout Exposition) {
        let usage = ProcessUsage.current()
        page.single(.processorTime, usage.processorSeconds)
        if let bytes = usage.residentBytes { page.single(.residentMemory, bytes) }
        page.single(.openDescriptors, usage.openDescriptors)
        page.single(.descriptorsMax, raiseDescriptorLimit())
        page.single(.startTime, Int(startedAt))
    }
}
