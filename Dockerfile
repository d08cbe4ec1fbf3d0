# Tamiz in a container: both programs and the client, unprivileged, with a read-only root.
#   docker build -t tamiz .
#   docker run --read-only --cap-drop all --security-opt no-new-privileges --tmpfs /tmp \
#     -v tamiz-data:/var/lib/tamiz -p 127.0.0.1:50051:50051 tamiz
# The decoder is confined by seccomp and Landlock, which need no privileges; the engine's default seccomp rules do.

FROM debian:bookworm-slim AS build
COPY deploy/packages.txt deploy/install-packages.sh /src/deploy/
RUN /src/deploy/install-packages.sh build
COPY . /src
WORKDIR /src
RUN cmake --preset release \
 && cmake --build --preset release --target tamizd tamiz-decoder tamiz \
 && mkdir -p /out \
 && cp build/release/bin/tamizd build/release/bin/tamiz-decoder build/release/bin/tamiz /out/ \
 && strip --strip-unneeded /out/*

FROM debian:bookworm-slim
COPY deploy/packages.txt deploy/install-packages.sh /tmp/deploy/
RUN /tmp/deploy/install-packages.sh runtime \
 && rm -rf /tmp/deploy /var/lib/apt/lists/* \
 && mkdir -p /var/lib/tamiz && chown 10001:10001 /var/lib/tamiz
COPY --from=build /out/ /usr/local/bin/
USER 10001:10001
WORKDIR /var/lib/tamiz
VOLUME /var/lib/tamiz
# Inside a container the loopback interface reaches nobody, so the server must listen on all. It speaks clear text
# unless TAMIZ__SERVER__TLS_CERTIFICATE_FILE and TAMIZ__SERVER__TLS_KEY_FILE are set: publish the port to trusted
# networks only.
ENV TAMIZ__SERVER__ALLOW_INSECURE_NON_LOOPBACK=true
EXPOSE 50051 9464
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["tamiz", "--timeout", "4s", "status"]
# SIGTERM drains running scans; give the engine's stop time-out more than server.drain_time.
STOPSIGNAL SIGTERM
ENTRYPOINT ["tamizd", "--data-dir", "/var/lib/tamiz", "--listen", "0.0.0.0:50051", "--metrics-listen", "0.0.0.0:9464"]
