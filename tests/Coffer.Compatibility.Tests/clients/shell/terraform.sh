#!/bin/sh
# Terraform and its AWS provider, unmodified, over examples/terraform-aws: apply, a plan that finds nothing to do, a change of everything, again
# nothing to do, destroy. Arguments: the repository, a folder of plugins as Terraform lays them out. Prints 'ok' at the end.
# By hand, since Terraform and its provider are hundreds of megabytes and take two minutes; the tests replay its calls. From the repository's root:
#   clients=tests/Coffer.Compatibility.Tests/clients
#   /usr/bin/python3 $clients/python/account_server.py artifacts/coffer/coffer "$PWD" "$(printf '/bin/sh\n%s\n%s\n%s' "$clients/shell/terraform.sh" "$PWD" PLUGINS)"
set -eu
repository=$1 plugins=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$repository/examples/terraform-aws/main.tf" "$folder/"
cd "$folder"
: > none.tfrc
TF_VAR_account=$(/usr/bin/aws --endpoint-url "$ENDPOINT" sts get-caller-identity --query Account --output text)
export TF_VAR_account TF_VAR_coffer="$ENDPOINT" TF_VAR_password=first TF_CLI_CONFIG_FILE="$folder/none.tfrc" CHECKPOINT_DISABLE=1 TF_IN_AUTOMATION=1
quietly() { "$@" -no-color > log.txt 2>&1 || { code=$?; echo "failed ($code): $*" >&2; cat log.txt >&2; exit 1; }; }

quietly terraform init "-plugin-dir=$plugins"
quietly terraform apply -auto-approve -input=false
quietly terraform plan -detailed-exitcode -input=false
TF_VAR_password=second
sed -i \
  -e "s/the shop's database/the shop's one database/" \
  -e 's/tags  *= { team = "shop" }/tags = { env = "dev" }/' \
  -e 's/automatically_after_days = 30/automatically_after_days = 60/' \
  -e 's/^  name = "shop-api"/&\n  description = "reads the database"\n  max_session_duration = 7200\n  tags = { team = "shop" }/' \
  -e 's/AWS = "arn:aws:iam::${var.account}:root"/AWS = aws_iam_user.deployer.arn/' \
  -e 's/Action = "secretsmanager:\(\w*\)"/Action = ["secretsmanager:\1", "secretsmanager:ListSecretVersionIds"]/' \
  -e 's/^  user = aws_iam_user.deployer.name/&\n  status = "Inactive"/' \
  -e 's/^  name = "deployer"/&\n  tags = { team = "shop" }/' main.tf
[ "$(diff main.tf "$repository/examples/terraform-aws/main.tf" | grep -c '^<')" = 11 ] || { echo "failed: the example is another one" >&2; exit 1; }
quietly terraform apply -auto-approve -input=false
grep -q 'Resources: 1 added, 7 changed, 1 destroyed' log.txt || { cat log.txt >&2; exit 1; }
quietly terraform plan -detailed-exitcode -input=false
quietly terraform destroy -auto-approve -input=false
grep -q 'Resources: 9 destroyed' log.txt || { cat log.txt >&2; exit 1; }
echo ok
