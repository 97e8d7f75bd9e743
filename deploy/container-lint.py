"""Checks what cannot be run without an engine or a cluster: the Dockerfile, the compose file and the Kubernetes manifests.

Each manifest against the schemas of Kubernetes; then what no schema knows: that names, ports, secrets and times fit together, that
every pod fulfils the restricted pod security standard, and that the gateway takes the configurations. Run by deploy/package-lint.

    container-lint.py FOLDER PROGRAM        FOLDER: deploy
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import kubernetes_validate
import yaml
from dockerfile_parse import DockerfileParser

KUBERNETES_VERSIONS = ("1.28", "1.34")

deploy, program = Path(sys.argv[1]), sys.argv[2]
faults = []


def claim(is_so, sentence):
    if not is_so:
        faults.append(sentence)


def seconds(text):
    match = re.fullmatch(r"(\d+)(s|m)", str(text))
    return int(match[1]) * (60 if match[2] == "m" else 1)


def check_configuration(path, secrets_folder, names):
    """The gateway takes the file; the secrets in it are stood in for."""
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            secret = Path(folder, name)
            secret.write_text("0123456789abcdef" * 4)
            secret.chmod(0o600)
        file = Path(folder, "slidegate.yaml")
        file.write_text(path.read_text().replace(secrets_folder + "/", folder + "/"))
        run = subprocess.run([program, "check", "--quiet", "--strict", file], capture_output=True, text=True)
        claim(run.returncode == 0, f"{path}: {run.stderr.strip()}")
        claim(secrets_folder + "/" in path.read_text(), f"{path} names no secret in {secrets_folder}")


# Docker

def lint_dockerfile(path):
    parser = DockerfileParser(path=str(path))
    stages, final = 0, {}
    for instruction in parser.structure:
        if instruction["instruction"] == "FROM":
            stages, final = stages + 1, {}
        final.setdefault(instruction["instruction"], []).append(instruction["value"])
    claim(stages == 2, "the image is made in two stages")
    user, _, group = final.get("USER", [""])[-1].partition(":")
    claim(user.isdigit() and group.isdigit() and int(user) >= 10000, "the image runs as a user by number, with no rights on any host")
    claim(final.get("ENTRYPOINT", [""])[0].startswith("["), "signals reach the program: ENTRYPOINT is a list")
    claim('"health"' in final.get("HEALTHCHECK", [""])[0], "the image has a health check")
    claim(final.get("STOPSIGNAL") == ["SIGTERM"], "docker stop drains")
    return user


def lint_compose(folder, user):
    path = folder / "compose.yaml"
    compose = yaml.safe_load(path.read_text())
    gateways = {name: service for name, service in compose["services"].items() if service.get("image") == "slidegate"}
    claim(len(gateways) == 2, "two gateways are composed")
    for name, service in compose["services"].items():
        for network in service["networks"]:
            claim(network in compose["networks"], f"{name}: there is no network {network}")
        for secret in service.get("secrets", []):
            claim(secret in compose["secrets"], f"{name}: there is no secret {secret}")
        for other in service.get("depends_on", {}):
            claim(other in compose["services"], f"{name}: there is no service {other}")
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            claim((folder / source).is_file() if source.startswith(".") else source in compose["volumes"], f"{name}: there is no {source}")
        claim(not service.get("privileged"), f"{name} has no privileges")
    for name, service in gateways.items():
        claim((folder / service["build"]["context"] / service["build"]["dockerfile"]).is_file(), f"{name}: there is no Dockerfile")
        claim(service["read_only"] and service["cap_drop"] == ["ALL"], f"{name} has more rights than it needs")
        claim(f"uid={user}," in service["tmpfs"][0], f"{name} cannot write to its own folder")
        claim(seconds(service["stop_grace_period"]) > 30, f"{name} is killed while it drains")
    check_configuration(folder / "slidegate.yaml", "/run/secrets", compose["secrets"])


# Kubernetes

def pods(objects):
    return {o["metadata"]["name"]: o["spec"]["template"] for o in objects if o["kind"] in ("Deployment", "StatefulSet")}


def is_selected(selector, template):
    return selector.items() <= template["metadata"]["labels"].items()


def lint_pod(name, template, user):
    """Pod security standard "restricted", and what we promise beyond it."""
    spec = template["spec"]
    context = spec["securityContext"]
    claim(context["runAsNonRoot"] is True and context["runAsUser"] > 0, f"{name} does not run as root")
    claim(context["seccompProfile"]["type"] == "RuntimeDefault", f"{name} has a seccomp profile")
    claim(spec["automountServiceAccountToken"] is False, f"{name} gets no token of the cluster")
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        claim(not spec.get(key), f"{name} has no {key}")
    volumes = {volume["name"] for volume in spec["volumes"]}
    for volume in spec["volumes"]:
        claim(set(volume) & {"configMap", "secret", "emptyDir", "persistentVolumeClaim"}, f"{name}: volumes of restricted kinds only")
    for container in spec["containers"] + spec.get("initContainers", []):
        own = container["securityContext"]
        claim(own["allowPrivilegeEscalation"] is False and own["capabilities"] == {"drop": ["ALL"]}, f"{name} gains no rights")
        claim(own["readOnlyRootFilesystem"] is True, f"{name} has a root that it cannot write to")
        claim("memory" in container["resources"]["limits"], f"{name} has a bound on its memory")
        claim("readinessProbe" in container and "livenessProbe" in container, f"{name} is probed")
        for mount in container["volumeMounts"]:
            claim(mount["name"] in volumes or mount["name"] == "data", f"{name}: there is no volume {mount['name']}")
    if name == "slidegate":
        claim(str(context["runAsUser"]) == user, "the cluster runs the image as the user it is made for")


def lint_kubernetes(folder, user):
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    listed = set(kustomization["resources"]) | {f for g in kustomization["configMapGenerator"] for f in g["files"]}
    there = {path.name for path in folder.iterdir()}
    claim(there - listed == {"kustomization.yaml", "secret.example.yaml"}, f"the kustomization does not list {there - listed}")
    claim(listed <= there, f"the kustomization lists {listed - there}, which is not there")

    objects = []
    for name in sorted(there - {"kustomization.yaml", "slidegate.yaml"}):
        for document in yaml.safe_load_all((folder / name).read_text()):
            objects.append(document)
            for version in KUBERNETES_VERSIONS:
                try:
                    kubernetes_validate.validate(document, version, strict=True)
                except kubernetes_validate.ValidationError as error:
                    faults.append(f"{name}, Kubernetes {version}: {error.message} at {list(error.path)}")

    def kind(wanted):
        return [o for o in objects if o["kind"] == wanted]

    templates = pods(objects)
    for name, template in templates.items():
        lint_pod(name, template, user)
    for service in kind("Service"):
        name, spec = service["metadata"]["name"], service["spec"]
        behind = [t for t in templates.values() if is_selected(spec["selector"], t)]
        claim(len(behind) == 1, f"the service {name} is for {len(behind)} kinds of pods")
        ports = {p["name"]: p["containerPort"] for c in behind[0]["spec"]["containers"] for p in c["ports"]}
        for port in spec["ports"]:
            claim(port["targetPort"] in ports, f"the service {name} sends to {port['targetPort']}, which its pods do not have")
    for policy in kind("NetworkPolicy"):
        selector = policy["spec"]["podSelector"]["matchLabels"]
        ports = {p["containerPort"] for t in templates.values() if is_selected(selector, t) for c in t["spec"]["containers"] for p in c["ports"]}
        opened = {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]}
        claim(ports == opened, f"the network policy {policy['metadata']['name']} opens {opened}; its pods listen on {ports}")
    claim(len(kind("NetworkPolicy")) == len(templates), "every pod has a network policy")

    gateway = templates["slidegate"]["spec"]
    container = gateway["containers"][0]
    configuration = yaml.safe_load((folder / "slidegate.yaml").read_text())
    ports = {p["name"]: p["containerPort"] for p in container["ports"]}
    claim(configuration["listen"].endswith(f":{ports['http']}"), "the gateway listens where the service sends to")
    claim(configuration["admin"]["address"].endswith(f":{ports['admin']}"), "metrics are where the service says")
    pause = int(container["lifecycle"]["preStop"]["exec"]["command"][-1])
    drain = seconds(configuration["timeouts"]["drain"])
    claim(gateway["terminationGracePeriodSeconds"] >= pause + drain + 5, "a pod has the time to drain")
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    claim(container["args"] == ["serve", f"{mounts['configuration']}/slidegate.yaml"], "the gateway serves by the file that is mounted")
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        claim(container[probe]["exec"]["command"][-1] == container["args"][1], f"the {probe} asks by the file that is mounted")
    secret = kind("Secret")[0]
    claim(secret["metadata"]["name"] == gateway["volumes"][1]["secret"]["secretName"], "the example is of the secret that is mounted")
    check_configuration(folder / "slidegate.yaml", mounts["secrets"], secret["stringData"])

    scaler, budget = kind("HorizontalPodAutoscaler")[0]["spec"], kind("PodDisruptionBudget")[0]["spec"]
    claim(scaler["minReplicas"] >= 2 and budget["maxUnavailable"] < scaler["minReplicas"], "somebody serves while a node is drained")
    claim(scaler["scaleTargetRef"]["name"] in templates, "the autoscaler scales what there is")
    claim(is_selected(budget["selector"]["matchLabels"], templates["slidegate"]), "the budget is the gateway's")
    return len(objects)


user = lint_dockerfile(deploy / "docker" / "Dockerfile")
lint_compose(deploy / "docker", user)
count = lint_kubernetes(deploy / "kubernetes", user)
for fault in faults:
    print(f"container-lint: not so: {fault}", file=sys.stderr)
if faults:
    sys.exit(1)
print(f"Dockerfile, compose file and {count} manifests ({', '.join(KUBERNETES_VERSIONS)}) fit together")
