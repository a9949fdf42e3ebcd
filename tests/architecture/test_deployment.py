"""What is deployed by: the image, the fleet of compose.yaml, the chart. There is no engine here, so their form is checked."""

import json
import os
import re
import shutil
import stat
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

import spark_assets
from spark_assets.cli.commands import SECTIONS, load
from spark_assets.runtime.secrets import encryption_keys, signing_keys
from spark_assets.settings import PREFIX, Settings
from spark_assets.web.app import ROUTES
from tests.factories.proxies import find_program

ROOT: Final = Path(__file__).parents[2]
CHART: Final = ROOT / "deploy" / "helm" / "spark-assets"
COMPOSE: Final = ROOT / "compose.yaml"
KUBERNETES: Final = "1.33"
SECRETS: Final = ("database_url", "signing_keys", "encryption_keys")
VALUES: Final[dict[str, Any]] = {
    "baseUrl": "https://example.com:8443/tools/assets",
    "trustedProxies": ["10.0.0.0/8", "192.168.7.1/32"],
    "storage": {"url": "s3://bucket/library", "endpoint": "https://store.example.com", "credentialsSecret": "store"},
    "settings": {"region": "eu", "disk_reserve": 5_368_709_120, "failed_key_delay": 0.5, "ingest": False},
    "worker": {"autoscaling": {"enabled": True}, "drainTimeout": 0},
    "ingress": {"className": "nginx", "tlsSecret": "certificate"},
}
Yaml = dict[str, Any]


def _setting_of(variable: str) -> str:
    """The setting that a variable stands for, in either form."""
    name = variable.removeprefix(PREFIX).lower()
    return name.removesuffix("_file") if name not in Settings.model_fields else name


def _check_environment(variables: dict[str, str]) -> None:
    """Every variable of ours stands for a setting that takes this value."""
    found = {_setting_of(name): value for name, value in variables.items() if name.startswith(PREFIX)}
    assert set(found) <= set(Settings.model_fields)
    given = {**found, "database_url": "postgresql://a@b/c", "signing_keys": "1:0123456789abcdef", "encryption_keys": "1:0123456789abcdef"}
    Settings(**{"home": Path("/nowhere"), **given})


def _check_command(arguments: list[str]) -> None:
    """The words are a command, and options that it has."""
    name, *options = arguments
    entry = next(entries[name] for entries in SECTIONS.values() if name in entries)
    load(name, entry).make_context(name, list(options))


def _instructions() -> list[tuple[str, str]]:
    """Those of the Dockerfile, in order."""
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in lines]


def _wanted(package: str) -> Any:
    return pytest.importorskip(package, reason=f"{package} is not installed: 'make deployment' gets it")


def test_hadolint_finds_nothing_to_say_of_the_dockerfile() -> None:
    program = Path(sysconfig.get_path("scripts")) / "hadolint"
    if not program.exists():
        pytest.skip("hadolint is not installed: 'make deployment' gets it")
    finished = subprocess.run([str(program), str(ROOT / "Dockerfile")], capture_output=True, text=True, timeout=60, check=False)
    assert (finished.returncode, finished.stdout) == (0, "")


def test_the_image_is_made_of_what_is_here_and_runs_as_nobody_else_may() -> None:
    found = _instructions()
    copied = [source for name, rest in found if name == "COPY" and not rest.startswith("--from") for source in rest.split()[:-1]]
    assert copied
    assert [source for source in copied if not (ROOT / source).exists()] == []
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(copied) == kept
    last = dict(found)
    assert last["USER"] == "10001:10001"
    assert last["VOLUME"] == "/var/lib/spark-assets"
    assert json.loads(last["ENTRYPOINT"]) == ["spark-assets"]
    _check_command(json.loads(last["CMD"]))
    variables = dict(pair.split("=", 1) for name, rest in found if name == "ENV" for pair in rest.split())
    assert variables["TMPDIR"] == variables["SPARK_ASSETS_HOME"] == last["VOLUME"]
    _check_environment({**variables, "SPARK_ASSETS_BASE_URL": "https://example.com"})
    assert re.search(r"127\.0\.0\.1:8080(/\w+)", last["HEALTHCHECK"])[1] in ROUTES  # type: ignore[index]
    assert last["EXPOSE"] == str(Settings.model_fields["port"].default)


@pytest.fixture(scope="module")
def fleet() -> Yaml:
    """The services of compose.yaml as they are meant, what they share merged in."""
    found: Yaml = yaml.safe_load(COMPOSE.read_text())
    return found


def test_the_fleet_is_written_as_the_compose_specification_says(fleet: Yaml) -> None:
    read = _wanted("compose_spec").PyCompose.from_yaml(yaml.safe_dump(fleet))
    assert set(read.service_names()) == {"migrate", "server", "worker", "proxy", "database", "store"}
    assert [fleet["services"][name]["deploy"]["replicas"] for name in ("server", "worker")] == [2, 2]
    for name, service in fleet["services"].items():
        assert set(service.get("secrets", ())) <= set(fleet["secrets"]), name
        assert set(service.get("depends_on", ())) <= set(fleet["services"]), name
        named = {volume.partition(":")[0] for volume in service.get("volumes", ()) if not volume.startswith(("/", "."))}
        assert named <= set(fleet["volumes"]), name
        assert all((ROOT / volume.partition(":")[0]).exists() for volume in service.get("volumes", ()) if volume.startswith("."))


def test_docker_itself_reads_the_fleet_where_its_plugin_is(tmp_path: Path) -> None:
    if shutil.which("docker") is None or subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("there is no 'docker compose' here")
    shutil.copy(COMPOSE, tmp_path)
    subprocess.run([str(ROOT / "deploy" / "make-secrets"), str(tmp_path / "secrets")], check=True)
    finished = subprocess.run(
        ["docker", "compose", "config", "--quiet"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize("name", ["migrate", "server", "worker"])
def test_our_processes_in_the_fleet_have_settings_and_commands_that_exist_and_may_do_little(fleet: Yaml, name: str) -> None:
    service = fleet["services"][name]
    _check_environment({key: value.replace("${SITE:-localhost}", "localhost") for key, value in service["environment"].items()})
    _check_command(service["command"])
    assert (service["read_only"], service["cap_drop"], service["security_opt"]) == (True, ["ALL"], ["no-new-privileges:true"])
    assert service["volumes"] == ["/var/lib/spark-assets"]
    for setting in SECRETS:
        path = service["environment"][f"{PREFIX}{setting.upper()}_FILE"]
        assert path.removeprefix("/run/secrets/") in service["secrets"]


def test_the_secrets_that_are_made_for_the_fleet_are_the_ones_it_reads(fleet: Yaml, tmp_path: Path) -> None:
    script, folder = ROOT / "deploy" / "make-secrets", tmp_path / "secrets"
    assert os.access(script, os.X_OK)
    made = subprocess.run([str(script), str(folder)], capture_output=True, text=True, timeout=30, check=False)
    assert made.returncode == 0, made.stderr
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    asked = {one["file"] for one in fleet["secrets"].values()} | {
        name for service in fleet["services"].values() for name in service.get("env_file", ())
    }
    assert {f"secrets/{path.name}" for path in folder.iterdir()} == asked
    texts = {name: (folder / name.replace("_", "-")).read_text() for name in SECRETS}
    settings = Settings(home=tmp_path, **texts)
    assert (signing_keys(settings)[0].id, encryption_keys(settings)[0].id) == ("1", "1")
    assert f":{(folder / 'database-password').read_text()}@database/" in texts["database_url"]
    kept = {path.name: path.read_bytes() for path in folder.iterdir()}
    again = subprocess.run([str(script), str(folder)], capture_output=True, text=True, timeout=30, check=False)
    assert again.returncode != 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == kept


def test_the_proxy_of_the_fleet_has_a_file_that_caddy_finds_valid_and_well_written(fleet: Yaml, tmp_path: Path) -> None:
    mounted = next(volume for volume in fleet["services"]["proxy"]["volumes"] if volume.startswith("./"))
    file = ROOT / mounted.partition(":")[0]
    variables = {"PATH": os.defpath, "HOME": str(tmp_path), "SITE": "localhost"}
    for arguments, expected in ((["validate", "--adapter", "caddyfile", "--config"], "Valid configuration"), (["fmt"], file.read_text())):
        command = [find_program("caddy"), *arguments, str(file)]
        finished = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60, check=False)
        assert (finished.returncode, expected in (finished.stdout or finished.stderr)) == (0, True), finished.stderr
    assert "server 8080" in file.read_text()
    assert set(fleet["services"]["proxy"]["environment"]) == set(re.findall(r"\{\$(\w+)\}", file.read_text()))


def test_the_proxy_is_trusted_at_the_address_that_it_has(fleet: Yaml) -> None:
    address = fleet["services"]["proxy"]["networks"]["default"]["ipv4_address"]
    assert fleet["services"]["server"]["environment"]["SPARK_ASSETS_TRUSTED_PROXIES"] == address
    assert address.rpartition(".")[0] == fleet["networks"]["default"]["ipam"]["config"][0]["subnet"].rpartition(".")[0]


@pytest.fixture(scope="module")
def chart() -> Iterator[Any]:
    """The chart, read by Helm's own library."""
    with _wanted("helm_python").Chart.load(str(CHART)) as found:
        yield found


def _rendered(chart: Any, values: Yaml) -> list[Yaml]:
    texts = chart.render(values, name="spark-assets", namespace="media")
    return [document for name, text in texts.items() if name.endswith(".yaml") for document in yaml.safe_load_all(text) if document]


def _pods(documents: list[Yaml]) -> dict[str, Yaml]:
    """The pods by the name of their container."""
    found = [document["spec"]["template"]["spec"] for document in documents if document["kind"] in {"Deployment", "Job"}]
    return {pod["containers"][0]["name"]: pod for pod in found}


def test_helm_finds_the_chart_right(chart: Any) -> None:
    told = _wanted("helm_python").lint(str(CHART), VALUES, strict=True, quiet=True)
    assert (told["errors"], [message for message in told["messages"] if message["severity"] > 1]) == ([], [])
    assert chart.version
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == spark_assets.__version__


@pytest.mark.parametrize("values", [VALUES, {**VALUES, "worker": {}, "ingress": {"enabled": False}, "migration": {"enabled": False}}])
def test_what_the_chart_renders_are_objects_that_kubernetes_knows(chart: Any, values: Yaml) -> None:
    validate = _wanted("kubernetes_validate").validate
    documents = _rendered(chart, values)
    kinds = sorted(document["kind"] for document in documents)
    for document in documents:
        validate(document, KUBERNETES, strict=True)
    few = ["Deployment", "Deployment", "PodDisruptionBudget", "PodDisruptionBudget", "Service"]
    assert kinds == (sorted([*few, "HorizontalPodAutoscaler", "Ingress", "Job"]) if values is VALUES else few)


def test_the_pods_have_settings_commands_and_addresses_that_exist_and_may_do_little(chart: Any) -> None:
    pods = _pods(_rendered(chart, VALUES))
    assert set(pods) == {"server", "worker", "migrate"}
    for name, pod in pods.items():
        (container,) = pod["containers"]
        variables = {one["name"]: one["value"] for one in container["env"]}
        _check_environment(variables)
        _check_command(container["args"])
        assert variables["SPARK_ASSETS_DISK_RESERVE"] == "5368709120"
        assert variables["SPARK_ASSETS_AUTO_MIGRATE"] == "false"
        assert (pod["securityContext"]["runAsNonRoot"], pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (
            True,
            False,
            False,
        )
        rights = container["securityContext"]
        assert (rights["readOnlyRootFilesystem"], rights["allowPrivilegeEscalation"], rights["capabilities"]) == (
            True,
            False,
            {"drop": ["ALL"]},
        )
        mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        assert set(mounted) == {volume["name"] for volume in pod["volumes"]}, name
        items = {item["path"] for volume in pod["volumes"] for item in volume.get("secret", {}).get("items", ())}
        assert {f"{mounted['secrets']}/{item}" for item in items} == {variables[f"{PREFIX}{setting.upper()}_FILE"] for setting in SECRETS}
    (server,) = pods["server"]["containers"]
    assert {server[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "readiness", "liveness")} <= set(ROUTES)
    assert server["ports"][0]["containerPort"] == Settings.model_fields["port"].default
    drains = {
        name: int({one["name"]: one["value"] for one in pods[name]["containers"][0]["env"]}["SPARK_ASSETS_DRAIN_TIMEOUT"])
        for name in ("server", "worker")
    }
    assert drains["worker"] == 0
    assert all(pods[name]["terminationGracePeriodSeconds"] >= drain + 10 for name, drain in drains.items())


@pytest.mark.parametrize("enabled", [True, False])
def test_prometheus_is_led_to_the_port_where_the_pods_show_metrics(chart: Any, enabled: bool) -> None:
    documents = _rendered(chart, {**VALUES, "metrics": {"enabled": enabled, "port": 9999}})
    for name, pod in _pods(documents).items():
        (container,) = pod["containers"]
        variables = {one["name"]: one["value"] for one in container["env"]}
        ports = {port["name"]: port["containerPort"] for port in container.get("ports", ())}
        shows = enabled and name != "migrate"
        assert (variables.get("SPARK_ASSETS_METRICS_LISTEN"), ports.get("metrics")) == (("0.0.0.0:9999", 9999) if shows else (None, None))
    templates = [document["spec"]["template"]["metadata"] for document in documents if document["kind"] == "Deployment"]
    expected = {"prometheus.io/scrape": "true", "prometheus.io/port": "9999", "prometheus.io/path": "/metrics"}
    assert [template.get("annotations") for template in templates] == [expected if enabled else None] * 2
    (service,) = (document for document in documents if document["kind"] == "Service")
    assert [port["name"] for port in service["spec"]["ports"]] == ["http"]


def test_the_ingress_serves_the_name_and_path_of_the_base_url(chart: Any) -> None:
    documents = {(document["kind"], document["metadata"]["name"]): document for document in _rendered(chart, VALUES)}
    ingress, service = documents["Ingress", "spark-assets-server"]["spec"], documents["Service", "spark-assets-server"]["spec"]
    (rule,) = ingress["rules"]
    (path,) = rule["http"]["paths"]
    assert (rule["host"], path["path"], ingress["tls"][0]["hosts"]) == ("example.com", "/tools/assets", ["example.com"])
    assert path["backend"]["service"]["port"]["name"] == service["ports"][0]["name"]
    labels = documents["Deployment", "spark-assets-server"]["spec"]["template"]["metadata"]["labels"]
    assert service["selector"].items() <= labels.items()
    scaled = documents["HorizontalPodAutoscaler", "spark-assets-worker"]["spec"]["scaleTargetRef"]["name"]
    assert ("Deployment", scaled) in documents
    assert "replicas" not in documents["Deployment", scaled]["spec"]


@pytest.mark.parametrize(
    "values",
    [{}, {**VALUES, "baseUrl": "assets"}, {**VALUES, "storage": {"url": "file:///blobs"}}, {**VALUES, "settings": {"REGION": "eu"}}],
)
def test_values_that_cannot_work_are_refused_before_anything_is_installed(chart: Any, values: Yaml) -> None:
    with pytest.raises(_wanted("helm_python").HelmError):
        chart.validate_schema(values)
