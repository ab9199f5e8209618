# A secret with its value, policy and rotation, and the role and user that may read it, at Coffer. The provider takes its access key from the
# environment; export AWS_CA_BUNDLE=/etc/coffer/ca.pem where the server's certificate is of its own authority.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "coffer" {
  description = "the server's address"
  default     = "https://coffer.example:8200"
}

variable "account" {
  description = "the vault's number: coffer vault show shop-dev"
}

variable "password" {
  sensitive = true
}

provider "aws" {
  region                      = "eu-west-1"
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true
  skip_credentials_validation = true
  endpoints {
    secretsmanager = var.coffer
    iam            = var.coffer
    sts            = var.coffer
  }
}

resource "aws_secretsmanager_secret" "db" {
  name                    = "shop/db"
  description             = "the shop's database"
  recovery_window_in_days = 7
  tags                    = { team = "shop" }
}

resource "aws_secretsmanager_secret_version" "db" {
  secret_id     = aws_secretsmanager_secret.db.id
  secret_string = jsonencode({ username = "shop", password = var.password })
}

resource "aws_secretsmanager_secret_rotation" "db" {
  secret_id           = aws_secretsmanager_secret.db.id
  rotation_lambda_arn = "arn:aws:lambda:eu-west-1:${var.account}:function:rotate-password"
  rotate_immediately  = false
  rotation_rules {
    automatically_after_days = 30
  }
}

resource "aws_iam_role" "shop_api" {
  name = "shop-api"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { AWS = "arn:aws:iam::${var.account}:root" } }]
  })
}

resource "aws_iam_policy" "read_db" {
  name = "read-db"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "secretsmanager:GetSecretValue", Resource = aws_secretsmanager_secret.db.arn }]
  })
}

resource "aws_iam_role_policy_attachment" "shop_api" {
  role       = aws_iam_role.shop_api.name
  policy_arn = aws_iam_policy.read_db.arn
}

resource "aws_secretsmanager_secret_policy" "db" {
  secret_arn = aws_secretsmanager_secret.db.arn
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "secretsmanager:DescribeSecret", Resource = "*", Principal = { AWS = aws_iam_role.shop_api.arn } }]
  })
}

resource "aws_iam_user" "deployer" {
  name = "deployer"
}

resource "aws_iam_access_key" "deployer" {
  user = aws_iam_user.deployer.name
}
